import { readFileSync } from 'node:fs';
import { createSession } from '../../server/src/engine/backbone/backbone.js';
import type { TokenTree } from '../../server/src/engine/trees/packing.js';
import { PathBackbone } from '../../server/src/engine/backbone/path/backbone.js';
import type { ModelConfig } from '../../server/src/model/checkpoint/config.js';
import type { Provider } from '../../server/src/protocol/index.js';

/** What a process of its own loads and runs once. */
export interface RunSpec {
  readonly graph: string;
  readonly config: ModelConfig;
  readonly provider: Provider;
  readonly trees: readonly TokenTree[];
}

/** What it tells, as its last line. */
export interface RunFacts {
  readonly values: number;
  /** Bytes that the process had in memory at most: with stand-ins that holds the "device" too. */
  readonly resident: number;
}

/** The body of that process: ONNX Runtime's log goes to standard error. */
export async function runOnce(file: string): Promise<RunFacts> {
  const spec = JSON.parse(readFileSync(file, 'utf8')) as RunSpec;
  const backbone = await PathBackbone.load(spec.graph, spec.config, (path) =>
    createSession(path, { provider: spec.provider, threads: 2, verbose: true }),
  );
  const hidden = await backbone.run(spec.trees);
  await backbone.release();
  return { values: hidden.length, resident: peakResident() };
}

/** VmHWM of this process in bytes; 0 where the system does not tell. */
function peakResident(): number {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    return 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}
