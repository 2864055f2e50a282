import type { ModelConfig } from '../checkpoint/config.js';
import type { GraphBuilder } from './builder.js';
import {
  gated,
  headNorm,
  required,
  type Delta,
  type TensorLookup,
  type WeightProvider,
} from './weights.js';

/** Largest int8 magnitude. */
export const STATIC = 127;
/**
 * A normed row has root mean square 1 and, after the rotation, nearly normal entries: beyond so many
 * standard deviations they are clipped. Rounding error and clipping balance there (measured).
 */
const NORM_CLIP = 3.5;

/**
 * Up to so many channels the rotation cannot spread what stands out: a normed row is then read in two int8
 * digits, and nothing of it is clipped. Such models are small, and the second product is cheap.
 */
const FEW_CHANNELS = 256;

/** A row as one or two int8 digits, each with its step. */
type Digits = readonly { readonly q: string; readonly scale: string }[];

/**
 * Layers whose down projection reads its input in two int8 digits: the first three and the last two,
 * whose inputs have the longest tails.
 */
function hasWideDown(layer: number, layers: number): boolean {
  return layer < Math.min(3, layers) || layer >= layers - 2;
}

/**
 * Int8 weights (a scale a column) and int8 activations, for a decoder converted by ../int8/convert-int8.ts.
 * Stored tensors of a linear `name`: `name.q` int8 [in, out], `name.scale` and `name.bias` [out].
 * Normed rows have one fixed scale, attention outputs one a layer, the MLP's inner activations one a
 * token. Residual sums, norms, rotary embedding and softmax stay float32.
 */
export class Int8Weights implements WeightProvider {
  readonly prefix = true;

  constructor(
    private readonly config: ModelConfig,
    private readonly lookup: TensorLookup,
  ) {}

  private tensor(g: GraphBuilder, name: string): string {
    return g.external(name, required(this.lookup, name));
  }

  private quantize(g: GraphBuilder, x: string, scale: string): string {
    return g.op('QuantizeLinear', [x, scale, g.constant('uint8', [128], [])]);
  }

  /**
   * ((q - 128) * scale) @ W, plus the bias when asked for. A product that shares its weights with another
   * names them again as `twin`: ONNX Runtime's exact mode for processors without VNNI needs names of their own.
   */
  private multiply(
    g: GraphBuilder,
    name: string,
    q: string,
    scale: string,
    { bias = true, twin = false } = {},
  ): string {
    const stored = required(this.lookup, `${name}.q`);
    const inputs = [
      q,
      g.external(twin ? `${name}.q.twin` : `${name}.q`, stored),
      scale,
      this.tensor(g, `${name}.scale`),
      g.constant('uint8', [128], []),
    ];
    if (bias) inputs.push('', this.tensor(g, `${name}.bias`));
    return g.op('MatMulIntegerToFloat', inputs, {}, { domain: 'com.microsoft' });
  }

  /** x + delta, and its norm (weight 1) as uint8 with scale NORM_CLIP / 127, or in two digits. */
  private normed(
    g: GraphBuilder,
    x: string,
    delta: Delta | undefined,
  ): { sum: string; digits: Digits } {
    const { hiddenSize: H, rmsNormEps } = this.config;
    const few = H <= FEW_CHANNELS;
    const clip = few ? Math.sqrt(H) : NORM_CLIP;
    // The norm's gain is the inverse of the quantisation's step: one pass less.
    const gain = g.tensor('norm_gain', [H], new Float32Array(H).fill(STATIC / clip));
    const { sum, normed } = g.skipNorm(x, delta, gain, rmsNormEps);
    const high = { q: this.quantize(g, normed, g.scalar(1)), scale: g.scalar(clip / STATIC) };
    if (!few) return { sum, digits: [high] };
    const step = 0.5 / STATIC;
    const q = this.quantize(g, this.rest(g, normed, high.q), g.scalar(step));
    return { sum, digits: [high, { q, scale: g.scalar((step * clip) / STATIC) }] };
  }

  /** What the first digit leaves, in [-1/2, 1/2]. */
  private rest(g: GraphBuilder, scaled: string, high: string): string {
    const zero = g.constant('uint8', [128], []);
    return g.op('Sub', [scaled, g.op('DequantizeLinear', [high, g.scalar(1), zero])]);
  }

  /** The row @ W, plus the bias. */
  private apply(g: GraphBuilder, name: string, [high, low]: Digits): string {
    const product = this.multiply(g, name, high!.q, high!.scale);
    if (low === undefined) return product;
    const options = { bias: false, twin: true };
    return g.op('Add', [product, this.multiply(g, name, low.q, low.scale, options)]);
  }

  embedding(g: GraphBuilder): string {
    return this.tensor(g, 'model.embed_tokens.weight');
  }

  prefixOf(g: GraphBuilder, layer: string): [key: string, value: string] {
    return [this.tensor(g, `${layer}.prefix_key`), this.tensor(g, `${layer}.prefix_value`)];
  }

  attentionInputs(
    g: GraphBuilder,
    layer: string,
    x: string,
    delta: Delta | undefined,
    atTargets: (x: string) => string = (y) => y,
  ): { sum: string; q: string; k: string; v: string } {
    const { sum, digits } = this.normed(g, x, delta);
    const linear = (name: string, input: Digits): string =>
      this.apply(g, `${layer}.self_attn.${name}_proj`, input);
    const head = (name: string, input: Digits): string => {
      const out = linear(name, input);
      if (!this.config.qkNorm) return out;
      return headNorm(
        g,
        this.config,
        out,
        this.tensor(g, `${layer}.self_attn.${name}_norm.weight`),
      );
    };
    const wanted = digits.map(({ q, scale }) => ({ q: atTargets(q), scale }));
    return { sum, q: head('q', wanted), k: head('k', digits), v: linear('v', digits) };
  }

  attentionOutput(g: GraphBuilder, layer: string, context: string): Delta {
    const scale = this.tensor(g, `${layer}.self_attn.context.scale`);
    const q = this.quantize(g, context, scale);
    const value = this.multiply(g, `${layer}.self_attn.o_proj`, q, scale);
    return { value: this.intoStream(g, `${layer}.post_attention_layernorm`, value) };
  }

  mlp(g: GraphBuilder, layer: string, x: string, delta: Delta): { sum: string; delta: Delta } {
    const { sum, digits } = this.normed(g, x, delta);
    const inner = gated(
      g,
      this.config,
      this.apply(g, `${layer}.mlp.gate_proj`, digits),
      this.apply(g, `${layer}.mlp.up_proj`, digits),
    );
    const name = `${layer}.mlp.down_proj`;
    const peak = g.op('Max', [
      g.op('ReduceMax', [g.op('Abs', [inner]), g.ints(-1)], { keepdims: 1 }),
      g.scalar(1e-30),
    ]);
    const scaled = g.op('Mul', [inner, g.op('Div', [g.scalar(STATIC), peak])]);
    const high = this.quantize(g, scaled, g.scalar(1));
    let product = this.multiply(g, name, high, g.scalar(1), { bias: false });
    if (hasWideDown(Number(layer.split('.').at(-1)), this.config.layers)) {
      // A second digit of 1/254.
      const rest = this.rest(g, scaled, high);
      const step = g.scalar(0.5 / STATIC);
      const rounded = this.quantize(g, rest, step);
      const low = this.multiply(g, name, rounded, step, { bias: false, twin: true });
      product = g.op('Add', [product, low]);
    }
    const value = g.op('Mul', [product, g.op('Mul', [peak, g.scalar(1 / STATIC)])]);
    const bias = this.tensor(g, `${name}.bias`);
    if (!this.config.sandwichNorms) return { sum, delta: { value, bias } };
    const whole = g.op('Add', [value, bias]);
    return {
      sum,
      delta: { value: this.intoStream(g, `${layer}.post_feedforward_layernorm`, whole) },
    };
  }

  /** A block's output as the rotated stream takes it: where a norm comes after it, normed first. */
  private intoStream(g: GraphBuilder, norm: string, x: string): string {
    if (!this.config.sandwichNorms) return x;
    const epsilon = { float: this.config.rmsNormEps };
    const weight = this.tensor(g, `${norm}.weight`);
    const normed = g.op('RMSNormalization', [x, weight], { axis: -1, epsilon });
    return g.op('MatMul', [normed, this.tensor(g, 'rotation.matrix')]);
  }

  /** The last norm's weight is not folded: `model.norm.weight` acts after the rotation is undone. */
  finalNorm(g: GraphBuilder, x: string, delta: Delta): string {
    let sum = g.op('Add', [x, delta.value]);
    if (delta.bias) sum = g.op('Add', [sum, delta.bias]);
    const unrotated = g.op('MatMul', [sum, this.tensor(g, 'rotation.inverse')]);
    return g.op('RMSNormalization', [unrotated, this.tensor(g, 'model.norm.weight')], {
      axis: -1,
      epsilon: { float: this.config.rmsNormEps },
    });
  }
}
