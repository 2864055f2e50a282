import { InferenceSession, Tensor } from '../onnxruntime.js';
import { CALIBRATION_CHATS } from './calibration-chats.js';
import type { ChatTokenizer } from '../tokenizer/chat-tokenizer.js';
import type { ModelConfig, RopeConfig } from '../checkpoint/config.js';
import { attention } from '../graph/backbone.js';
import { GraphBuilder } from '../graph/builder.js';
import { gated, headNorm } from '../graph/weights.js';
import { inverseFrequencies, rotaryFactor } from '../checkpoint/rotary.js';

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

/** Weights of one layer as Hugging Face stores them, [out, in]; the matrices as float32, or as a file holds them. */
export interface LayerWeights<Matrix = Float32Array> {
  readonly q: Matrix;
  readonly k: Matrix;
  readonly v: Matrix;
  readonly o: Matrix;
  readonly gate: Matrix;
  readonly up: Matrix;
  readonly down: Matrix;
  readonly attentionNorm: Float32Array;
  readonly mlpNorm: Float32Array;
  /** By the names of `extraParts`. */
  readonly extra: Readonly<Record<string, Float32Array>>;
}

/** The tensors of a layer that not every model has, by their names within the layer. */
export function extraParts(config: ModelConfig): string[] {
  const { attentionBias, outputBias = attentionBias, mlpBias, qkNorm, sandwichNorms } = config;
  const when = (there: boolean | undefined, ...names: string[]): string[] => (there ? names : []);
  return [
    ...when(attentionBias, ...['q', 'k', 'v'].map((name) => `self_attn.${name}_proj.bias`)),
    ...when(outputBias, 'self_attn.o_proj.bias'),
    ...when(mlpBias, ...['gate', 'up', 'down'].map((name) => `mlp.${name}_proj.bias`)),
    ...when(qkNorm, 'self_attn.q_norm.weight', 'self_attn.k_norm.weight'),
    ...when(sandwichNorms, 'post_attention_layernorm.weight', 'post_feedforward_layernorm.weight'),
  ];
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
  #layer: number;
  readonly #common: Record<string, Tensor>;
  /** Of layers that see everything, and of those with a window. */
  readonly #seen: readonly [Record<string, Tensor>, Record<string, Tensor>];

  private constructor(
    private readonly session: InferenceSession,
    private readonly config: ModelConfig,
    tokens: CalibrationTokens,
    x: Float32Array,
    layer: number,
  ) {
    const T = tokens.sequences.flat().length;
    this.#x = x;
    this.#layer = layer;
    const { headDim, rope, localRope = rope, slidingWindow } = config;
    const half = headDim / 2;
    const keep: bigint[] = [];
    let start = 0;
    for (const sequence of tokens.sequences) {
      for (let i = 0; i < sequence.length; i++) {
        if (i >= tokens.prefix.length) keep.push(BigInt(start + i));
      }
      start += sequence.length;
    }
    const feeds = (of: RopeConfig, window: number): Record<string, Tensor> => {
      const frequencies = inverseFrequencies(config, of);
      const factor = rotaryFactor(of);
      const cos = new Float32Array(T * half);
      const sin = new Float32Array(T * half);
      const mask = new Float32Array(T * T).fill(-1e9);
      let first = 0;
      for (const sequence of tokens.sequences) {
        for (let i = 0; i < sequence.length; i++) {
          const t = first + i;
          for (let d = 0; d < half; d++) {
            cos[t * half + d] = factor * Math.cos(i * frequencies[d]!);
            sin[t * half + d] = factor * Math.sin(i * frequencies[d]!);
          }
          mask.fill(0, t * T + Math.max(first, t - window + 1), t * T + t + 1);
        }
        first += sequence.length;
      }
      return {
        cos: new Tensor('float32', cos, [1, T, half]),
        sin: new Tensor('float32', sin, [1, T, half]),
        mask: new Tensor('float32', mask, [1, 1, T, T]),
      };
    };
    const full = feeds(rope, Infinity);
    this.#seen = [full, slidingWindow === undefined ? full : feeds(localRope, slidingWindow)];
    this.#common = {
      keep: new Tensor('int64', BigInt64Array.from(keep), [keep.length]),
      prefix: new Tensor(
        'int64',
        BigInt64Array.from(tokens.prefix, (_, i) => BigInt(i)),
        [tokens.prefix.length],
      ),
    };
  }

  /**
   * @param x what goes into the layer: for the first, rows of the embedding table, [tokens, hidden] float32
   * @param layer the layer that is observed first
   */
  static async create(
    config: ModelConfig,
    tokens: CalibrationTokens,
    x: Float32Array,
    layer: number,
  ): Promise<LayerObserver> {
    const session = await InferenceSession.create(layerGraph(config), { logSeverityLevel: 3 });
    return new LayerObserver(session, config, tokens, x, layer);
  }

  /** Runs the next layer. */
  async observe(w: LayerWeights): Promise<LayerObservation> {
    const { hiddenSize: H, intermediateSize: F, heads, kvHeads, headDim: D } = this.config;
    const matrix = (data: Float32Array, rows: number, columns: number): Tensor =>
      new Tensor('float32', data, [rows, columns]);
    const extra = Object.entries(w.extra).map(
      ([name, values]) => [name, new Tensor('float32', values, [values.length])] as const,
    );
    const slides = this.config.slidingLayers?.[this.#layer++] ?? false;
    const out = await this.session.run({
      ...this.#common,
      ...this.#seen[slides ? 1 : 0],
      ...Object.fromEntries(extra),
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

  /** What goes into the next layer. */
  get stream(): Float32Array {
    return this.#x;
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}

/** One layer, its weights as inputs. */
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
  const extra = new Map(
    extraParts(config).map((name) => [name, input(name, `size of ${name}`)] as const),
  );
  const linear = (name: string, a: string, rows: number, columns: number): string => {
    const inputs = [a, input(name, rows, columns)];
    const bias = extra.get(`${/^[qkvo]$/.test(name) ? 'self_attn' : 'mlp'}.${name}_proj.bias`);
    if (bias !== undefined) inputs.push(bias);
    return g.op('Gemm', inputs, { transB: 1 });
  };
  const weighted = (name: string, a: string, of: (a: string, weight: string) => string): string => {
    const weight = extra.get(`${name}.weight`);
    return weight === undefined ? a : of(a, weight);
  };
  const byHead = (name: string, a: string): string =>
    weighted(`self_attn.${name}_norm`, a, (x, weight) => headNorm(g, config, x, weight));
  const after = (name: string, a: string): string =>
    weighted(name, a, (x, weight) => g.op('Mul', [norm(x), weight]));
  const kept = (a: string): string => g.op('Gather', [a, keep], { axis: 0 });
  const mean = (a: string): string => g.op('ReduceMean', [kept(a), g.ints(0)], { keepdims: 0 });
  const norm = (a: string): string =>
    g.op('RMSNormalization', [a, ones], { axis: -1, epsilon: { float: config.rmsNormEps } });
  const batched = (a: string): string => g.op('Unsqueeze', [a, g.ints(0)]);
  const rotated = (a: string, n: number): string =>
    g.op('RotaryEmbedding', [batched(a), cos, sin], { num_heads: n });

  const n1 = norm(x);
  const a = g.op('Mul', [n1, input('attention_norm', H)]);
  const q = rotated(byHead('q', linear('q', a, heads * D, H)), heads);
  const k = rotated(byHead('k', linear('k', a, kvHeads * D, H)), kvHeads);
  const v = linear('v', a, kvHeads * D, H);
  const context = g.op(
    'Squeeze',
    [attention(g, config, { q, k, v: batched(v), mask }), g.ints(0)],
    {},
  );
  const o = after('post_attention_layernorm', linear('o', context, H, heads * D));
  const y = g.op('Add', [x, o]);
  const n2 = norm(y);
  const b = g.op('Mul', [n2, input('mlp_norm', H)]);
  const inner = gated(g, config, linear('gate', b, F, H), linear('up', b, F, H));
  const down = after('post_feedforward_layernorm', linear('down', inner, H, F));
  g.output(g.op('Add', [y, down]), 'next', 'float32', ['T', H]);
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
