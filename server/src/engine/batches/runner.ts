import { messageOf } from '../../errors.js';
import { parentPort, workerData } from 'node:worker_threads';
import { Tensor, type InferenceSession } from '../../model/onnxruntime.js';
import type { ModelConfig } from '../../model/checkpoint/config.js';
import {
  createSession,
  loadBackbone,
  type Backbone,
  type BackboneOptions,
} from '../backbone/backbone.js';
import type { TokenTree } from '../trees/packing.js';

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

/** Batches are numbered from 1; 0 is the runner's own word that it is ready, or why not. */
export interface NumberedRequest {
  readonly id: number;
  readonly request: RunRequest;
}
export interface NumberedReply {
  readonly id: number;
  readonly reply: RunReply;
}

/** The body of a runner thread: one session, which is given one batch after the other. */
export async function runnerMain(): Promise<void> {
  const port = parentPort!;
  const data = workerData as RunnerData;
  const answer = (id: number, reply: RunReply): void =>
    port.postMessage({ id, reply } satisfies NumberedReply);
  try {
    const backbone = await loadBackbone(data.backbone, data.config, data.options);
    // The heads are small: always on the CPU, where their features arrive.
    const heads = await createSession(data.heads, { ...data.options, provider: 'cpu' });
    answer(0, { ready: true });
    port.on('message', ({ id, request }: NumberedRequest) => {
      run(backbone, heads, data.config.hiddenSize, request).then(
        (reply) => answer(id, reply),
        (error: unknown) => answer(id, { error: messageOf(error) }),
      );
    });
  } catch (error) {
    answer(0, { error: messageOf(error) });
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
