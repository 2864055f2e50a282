import type { ChatTokenizer } from '../../model/tokenizer/chat-tokenizer.js';
import type { QrmModel } from './qrm.js';
import { ask, EndpointError } from './http.js';
import { llamaRows, sglangScore, vllmLast, vllmTokens, type StateReader } from './states.js';
import { own } from '../../fields.js';

/** The backbone whose hidden states are wanted; its weights are at the engine. */
export interface WantedBackbone {
  readonly name: string;
  readonly hiddenSize: number;
  readonly tokenizer: ChatTokenizer;
  /** The longest context that it takes. */
  readonly maxTokens: number;
}

/** Who gives the hidden states of a backbone. */
export interface StateEngine {
  readonly url: string;
  /** `vllm`, `sglang`, `llamacpp` */
  readonly backend: string;
  /** What the engine calls its model. */
  readonly served: string;
  /** What the numbers were rounded to: `float32`, `float16`, `bfloat16`, or llama.cpp's name of its weights' blocks. */
  readonly dtype: string;
  readonly maxTokens: number;
  /** @throws EndpointError, for states of another size too */
  readonly read: StateReader;
}

/** A model as `GET /v1/models` lists it. */
export interface Listed {
  readonly id: string;
  readonly owned_by?: string;
  readonly max_model_len?: number | null;
  readonly qrm?: QrmModel;
  /** llama.cpp's: the context that it was started with, that of the model, and the type of the weights. */
  readonly meta?: {
    readonly n_ctx?: number;
    readonly n_ctx_train?: number;
    readonly ftype?: string;
  };
}

/** Asks who is there. @throws EndpointError; Error where no model is listed */
export async function servedAt(url: string, signal: AbortSignal | undefined): Promise<Listed> {
  const { data } = (await ask(url, '/v1/models', undefined, signal)) as { data?: Listed[] };
  const served = data?.[0];
  if (served === undefined) throw new Error(`${url}/v1/models: lists no model`);
  return served;
}

const PROBE = [
  { role: 'user', content: 'Is it far from here?' },
  { role: 'assistant', content: 'No: ten minutes on foot.' },
];

/**
 * An engine that runs a backbone: which of its answers holds hidden states, tried with a short conversation.
 * @throws Error naming what is expected: another program, states of another size
 */
export async function openStates(
  url: string,
  served: Listed,
  backbone: WantedBackbone,
  signal: AbortSignal | undefined,
): Promise<StateEngine> {
  const backend = served.owned_by ?? 'nobody';
  const readers: Readonly<Record<string, () => StateReader | Promise<StateReader>>> = {
    vllm: () => vllmReader(url, served.id, backbone, signal),
    sglang: () => sglangScore(url, served.id),
    llamacpp: () => llamaRows(url),
  };
  const reader = own(readers, backend);
  if (reader === undefined)
    throw new Error(
      `${url}: a server of "${backend}"; expected qrm serve, vLLM, SGLang or llama.cpp's server`,
    );
  const read = checked(await reader(), url, backbone);
  const limit = served.max_model_len ?? served.meta?.n_ctx ?? served.meta?.n_ctx_train ?? Infinity;
  const maxTokens = Math.min(limit, backbone.maxTokens);
  const [path] = backbone.tokenizer.paths(PROBE, [1], maxTokens);
  if (path === undefined || 'error' in path)
    throw new Error(`${backbone.name}: ${path?.error ?? 'no tokens'}`);
  const [states] = await read([{ ids: path.ids, positions: [path.reward] }], signal);
  const dtype = weightsOf(served.meta?.ftype) ?? dtypeOf(states?.[0] ?? []);
  return { url, backend, served: served.id, dtype, maxTokens, read };
}

/** States of another size, or no numbers, are of another backbone. */
const checked =
  (read: StateReader, url: string, { name, hiddenSize }: WantedBackbone): StateReader =>
  async (paths, signal) => {
    const states = await read(paths, signal);
    for (const state of states.flat())
      if (state.length !== hiddenSize || !state.every(Number.isFinite))
        throw new EndpointError(
          'refused',
          `${url}: a hidden state of ${state.length} numbers; ${name} has ${hiddenSize}: is it the same backbone, ` +
            `and served as its hidden states (docs/remote.md)?`,
        );
    return states;
  };

/** A vLLM server has one task: the last token's state, or that of every token (of those that end a turn). */
async function vllmReader(
  url: string,
  id: string,
  { hiddenSize, tokenizer }: WantedBackbone,
  signal: AbortSignal | undefined,
): Promise<StateReader> {
  const last = vllmLast(url, id);
  try {
    await last([{ ids: [1, 2, 3], positions: [2] }], signal);
    return last;
  } catch (error) {
    const [tag] = tokenizer.opening;
    if (!(error instanceof EndpointError) || !error.ends || tag === undefined) throw error;
    const tokens = vllmTokens(url, id, hiddenSize, tag);
    try {
      await tokens([{ ids: [1, tag, 3], positions: [1] }], signal);
    } catch (other) {
      // Not that task either: what the first said is the one to put right.
      throw other instanceof EndpointError && other.kind === 'refused' ? other : error;
    }
    return tokens;
  }
}

const FLOATS: Readonly<Record<string, string>> = {
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
};

/** llama.cpp's answers have all digits of float32, whatever its weights are: "(guessed) Q8_0", "Q4_K - Medium", "all F32". */
function weightsOf(ftype: string | undefined): string | undefined {
  const [, name] = /^(?:\(guessed\) )?(?:all |mostly )?([A-Z][A-Z0-9_]*)/.exec(ftype ?? '') ?? [];
  return name === undefined ? undefined : (FLOATS[name] ?? name);
}

/** What the numbers were rounded to, by the digits that they do not have. */
function dtypeOf(state: ArrayLike<number>): string {
  const bits = new Uint32Array(Float32Array.from(state).buffer);
  const without = (mask: number) => bits.every((b) => (b & mask) === 0);
  return without(0xffff) ? 'bfloat16' : without(0x1fff) ? 'float16' : 'float32';
}
