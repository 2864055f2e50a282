import { messageOf } from '../errors.js';
import { parentPort, workerData } from 'node:worker_threads';
import { Tensor, type InferenceSession } from '../model/onnxruntime.js';
import type { ModelConfig } from '../model/checkpoint/config.js';
import { createSession, loadBackbone, type Backbone, type BackboneOptions } from './backbone.js';
import type { TokenTree } from './packing.js';

/** What a runner thread is started with. */
export interface RunnerData {
  readonly role: 'runner';
  readonly backbone: string;
  readonly heads: Uint8Array;
  readonly config: ModelConfig;
  readonly options: BackboneOptions;
}

/** A batch of trees, and which of its targets are the reward and the gating feature of each response. */
export interface RunRequest {
  readonly trees: readonly TokenTree[];
  readonly reward: Int32Array;
  readonly gating: Int32Array;
}

export type RunReply =
  | { readonly ready: true }
  | { readonly error: string }
  /** Adjusted attribute quantiles [n, M*K] and gate weights [n, M]. */
  | { readonly quantiles: Float32Array; readonly gate: Float32Array };

/** The body of a runner thread: one session, one batch at a time. */
export async function runnerMain(): Promise<void> {
  const port = parentPort!;
  const data = workerData as RunnerData;
  const reply = (message: RunReply): void => port.postMessage(message);
  try {
    const backbone = await loadBackbone(data.backbone, data.config, data.options);
    // The heads are small: always on the CPU, where their features arrive.
    const heads = await createSession(data.heads, { ...data.options, provider: 'cpu' });
    reply({ ready: true });
    port.on('message', (request: RunRequest) => {
      run(backbone, heads, data.config.hiddenSize, request).then(reply, (error: unknown) =>
        reply({ error: messageOf(error) }),
      );
    });
  } catch (error) {
    reply({ error: messageOf(error) });
  }
}

async function run(
  backbone: Backbone,
  heads: InferenceSession,
  H: number,
  { trees, reward, gating }: RunRequest,
): Promise<RunReply> {
  const hidden = await backbone.run(trees);
  const rows = (which: Int32Array): Tensor => {
    const out = new Float32Array(which.length * H);
    which.forEach((t, i) => out.set(hidden.subarray(t * H, (t + 1) * H), i * H));
    return new Tensor('float32', out, [which.length, H]);
  };
  const out = await heads.run({ reward: rows(reward), gating: rows(gating) });
  return {
    quantiles: out['quantiles']!.data as Float32Array,
    gate: out['gate']!.data as Float32Array,
  };
}
