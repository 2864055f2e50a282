import { createRequire } from 'node:module';
import type * as Runtime from 'onnxruntime-node';

/**
 * The only way to ONNX Runtime (the linter keeps it). On Linux and macOS version 1.30 sends events to its
 * maker's collector and keeps a device id and a queue of events in the user's folders, unless this
 * variable is set when its environment is made. It is read with getenv, which a thread's own copy of
 * process.env does not reach: the main thread of every process that starts threads imports this module
 * too. `require`, since an `import` of a bundle runs before any of the bundle's code.
 *
 * On Windows the library has no code for the network: see Privacy in the README.
 */
process.env['ORT_DISABLE_TELEMETRY'] = '1';
const runtime = createRequire(import.meta.url)('onnxruntime-node') as typeof Runtime;

export const { InferenceSession, Tensor, env, listSupportedBackends } = runtime;
export type InferenceSession = Runtime.InferenceSession;
export type Tensor = Runtime.Tensor;
export type RuntimeOptions = Runtime.InferenceSession.SessionOptions;
