import { InferenceSession, Tensor } from '../onnxruntime.js';
import { CALIBRATION_CHATS } from './calibration-chats.js';
import type { ChatTokenizer } from '../tokenizer/chat-tokenizer.js';
import type { ModelConfig } from '../checkpoint/config.js';
import { GraphBuilder } from '../graph/builder.js';
import { inverseFrequencies } from '../checkpoint/rope.js';

/** Tokens that a float32 layer is observed on, and the beginning that all conversations share. */
export interface CalibrationTokens {
  readonly sequences: readonly (readonly number[])[];
  /** Ids that every conversation of this template begins with (its default system prompt). */
  readonly prefix: readonly number[];
}

/** The built-in conversations in a model's own template and tokens. */
export function calibrationTokens(tokenizer: ChatTokenizer): CalibrationTokens {
  const sequences: (readonly number[])[] = [];
  for (const messages of CALIBRATION_CHATS) {
    const [path] = tokenizer.paths(messages, [messages.length - 1], Infinity, {
      gated: false,
    });
    if (path && !('error' in path)) sequences.push(path.ids);
  }
  const first = sequences[0];
  if (!first) throw new Error("the model's chat template takes none of the calibration's chats");
  let shared = first.length;
  for (const ids of sequences) {
    let n = 0;
    while (n < shared && ids[n] === first[n]) n++;
    shared = n;
  }
  return { sequences, prefix: first.slice(0, shared) };
}

/** Float32 weights of one layer as Hugging Face stores them, [out, in]. */
export interface LayerWeights {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly o: Float32Array;
  readonly gate: Float32Array;
  readonly up: Float32Array;
  readonly down: Float32Array;
  readonly attentionNorm: Float32Array;
  readonly mlpNorm: Float32Array;
}

/** What was seen of one layer's activations, over all tokens but the prefix's. */
export interface LayerObservation {
  /** Means over tokens of the normed residual before the norm's weight, [hidden]. */
  readonly attentionMean: Float32Array;
  readonly mlpMean: Float32Array;
  /** Input of the output projection, [tokens, heads*headDim]. */
  readonly context: Float32Array;
  /** Largest magnitude and mean of each channel of the down projection's input, [intermediate]. */
  readonly innerPeak: Float32Array;
  readonly innerMean: Float32Array;
  /** Keys (after rotary embedding) and values of the prefix, [P, kvHeads*headDim]. */
  readonly prefixKey: Float32Array;
  readonly prefixValue: Float32Array;
}

/**
 * Runs the float32 model over the calibration tokens, one layer at a time with weights handed in, so
 * that a conversion that streams a checkpoint sees each layer's true inputs at no more memory.
 */
export class LayerObserver {
  #x: Float32Array;
  readonly #common: Record<string, Tensor>;

  private constructor(
    private readonly session: InferenceSession,
    private readonly config: ModelConfig,
    tokens: CalibrationTokens,
    embedding: (ids: readonly number[]) => Float32Array,
  ) {
    const ids = tokens.sequences.flat();
    const T = ids.length;
    this.#x = embedding(ids);
    const frequencies = inverseFrequencies(config);
    const half = frequencies.length;
    const cos = new Float32Array(T * half);
    const sin = new Float32Array(T * half);
    const mask = new Float32Array(T * T).fill(-1e9);
    const keep: bigint[] = [];
    let start = 0;
    for (const sequence of tokens.sequences) {
      for (let i = 0; i < sequence.length; i++) {
        const t = start + i;
        for (let d = 0; d < half; d++) {
          cos[t * half + d] = Math.cos(i * frequencies[d]!);
          sin[t * half + d] = Math.sin(i * frequencies[d]!);
        }
        mask.fill(0, t * T + start, t * T + t + 1);
        if (i >= tokens.prefix.length) keep.push(BigInt(t));
      }
      start += sequence.length;
    }
    this.#common = {
      cos: new Tensor('float32', cos, [1, T, half]),
      sin: new Tensor('float32', sin, [1, T, half]),
      mask: new Tensor('float32', mask, [1, 1, T, T]),
      keep: new Tensor('int64', BigInt64Array.from(keep), [keep.length]),
      prefix: new Tensor(
        'int64',
        BigInt64Array.from(tokens.prefix, (_, i) => BigInt(i)),
        [tokens.prefix.length],
      ),
    };
  }

  /** @param embedding rows of the embedding table, [ids.length, hidden] float32 */
  static async create(
    config: ModelConfig,
    tokens: CalibrationTokens,
    embedding: (ids: readonly number[]) => Float32Array,
  ): Promise<LayerObserver> {
    const session = await InferenceSession.create(layerGraph(config), { logSeverityLevel: 3 });
    return new LayerObserver(session, config, tokens, embedding);
  }

  /** Runs the next layer. */
  async observe(w: LayerWeights): Promise<LayerObservation> {
    const { hiddenSize: H, intermediateSize: F, heads, kvHeads, headDim: D } = this.config;
    const matrix = (data: Float32Array, rows: number, columns: number): Tensor =>
      new Tensor('float32', data, [rows, columns]);
    const out = await this.session.run({
      ...this.#common,
      x: matrix(this.#x, this.#x.length / H, H),
      q: matrix(w.q, heads * D, H),
      k: matrix(w.k, kvHeads * D, H),
      v: matrix(w.v, kvHeads * D, H),
      o: matrix(w.o, H, heads * D),
      gate: matrix(w.gate, F, H),
      up: matrix(w.up, F, H),
      down: matrix(w.down, H, F),
      attention_norm: new Tensor('float32', w.attentionNorm, [H]),
      mlp_norm: new Tensor('float32', w.mlpNorm, [H]),
    });
    const data = (name: string): Float32Array => out[name]!.data as Float32Array;
    this.#x = data('next');
    return {
      attentionMean: data('attention_mean'),
      mlpMean: data('mlp_mean'),
      context: data('context'),
      innerPeak: data('inner_peak'),
      innerMean: data('inner_mean'),
      prefixKey: data('prefix_key'),
      prefixValue: data('prefix_value'),
    };
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}

/** One Llama layer without biases, its weights as inputs. */
function layerGraph(config: ModelConfig): Uint8Array {
  const { hiddenSize: H, intermediateSize: F, heads, kvHeads, headDim: D } = config;
  const g = new GraphBuilder();
  const input = (name: string, ...shape: (number | string)[]): string =>
    g.input(name, 'float32', shape);
  const x = input('x', 'T', H);
  const keep = g.input('keep', 'int64', ['S']);
  const prefix = g.input('prefix', 'int64', ['P']);
  const cos = input('cos', 1, 'T', D / 2);
  const sin = input('sin', 1, 'T', D / 2);
  const mask = input('mask', 1, 1, 'T', 'T');
  const ones = g.tensor('ones', [H], new Float32Array(H).fill(1));
  const linear = (name: string, a: string, rows: number, columns: number): string =>
    g.op('Gemm', [a, input(name, rows, columns)], { transB: 1 });
  const kept = (a: string): string => g.op('Gather', [a, keep], { axis: 0 });
  const mean = (a: string): string => g.op('ReduceMean', [kept(a), g.ints(0)], { keepdims: 0 });
  const norm = (a: string): string =>
    g.op('RMSNormalization', [a, ones], { axis: -1, epsilon: { float: config.rmsNormEps } });
  const batched = (a: string): string => g.op('Unsqueeze', [a, g.ints(0)]);
  const rotated = (a: string, n: number): string =>
    g.op('RotaryEmbedding', [batched(a), cos, sin], { num_heads: n });

  const n1 = norm(x);
  const a = g.op('Mul', [n1, input('attention_norm', H)]);
  const q = rotated(linear('q', a, heads * D, H), heads);
  const k = rotated(linear('k', a, kvHeads * D, H), kvHeads);
  const v = linear('v', a, kvHeads * D, H);
  const context = g.op(
    'Squeeze',
    [
      g.op('Attention', [q, k, batched(v), mask], {
        q_num_heads: heads,
        kv_num_heads: kvHeads,
        scale: { float: config.queryScale },
      }),
      g.ints(0),
    ],
    {},
  );
  const y = g.op('Add', [x, linear('o', context, H, heads * D)]);
  const n2 = norm(y);
  const b = g.op('Mul', [n2, input('mlp_norm', H)]);
  const gate = g.op('QuickGelu', [linear('gate', b, F, H)], { alpha: { float: 1 } }, MICROSOFT);
  const inner = g.op('Mul', [gate, linear('up', b, F, H)]);
  g.output(g.op('Add', [y, linear('down', inner, H, F)]), 'next', 'float32', ['T', H]);
  g.output(mean(n1), 'attention_mean', 'float32', [H]);
  g.output(mean(n2), 'mlp_mean', 'float32', [H]);
  g.output(kept(context), 'context', 'float32', ['S', heads * D]);
  g.output(mean(inner), 'inner_mean', 'float32', [F]);
  g.output(
    g.op('ReduceMax', [g.op('Abs', [kept(inner)]), g.ints(0)], { keepdims: 0 }),
    'inner_peak',
    'float32',
    [F],
  );
  const first = (z: string): string => g.op('Gather', [z, prefix], { axis: 0 });
  g.output(first(g.op('Squeeze', [k, g.ints(0)])), 'prefix_key', 'float32', ['P', kvHeads * D]);
  g.output(first(v), 'prefix_value', 'float32', ['P', kvHeads * D]);
  return g.serialize('layer');
}

const MICROSOFT = { domain: 'com.microsoft' };
