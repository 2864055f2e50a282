import type { ModelConfig } from '../checkpoint/config.js';
import type { GraphBuilder } from './builder.js';
import { gated, required, type Delta, type TensorLookup, type WeightProvider } from './weights.js';

/** Largest int8 magnitude. */
export const STATIC = 127;
/**
 * A normed row has root mean square 1 and, after the rotation, nearly normal entries: beyond so many
 * standard deviations they are clipped. Rounding error and clipping balance there (measured).
 */
export const NORM_CLIP = 3.5;

/**
 * Layers whose down projection reads its input in two int8 digits: the first three and the last two,
 * whose inputs have the longest tails.
 */
export function hasWideDown(layer: number, layers: number): boolean {
  return layer < Math.min(3, layers) || layer >= layers - 2;
}

/**
 * Int8 weights (a scale a column) and int8 activations, for a Llama converted by ../convert-int8.ts.
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

  /** x + delta, and its norm (weight 1) as uint8 with scale NORM_CLIP / 127. */
  private normed(g: GraphBuilder, x: string, delta: Delta | undefined): { sum: string; q: string } {
    const { hiddenSize: H, rmsNormEps } = this.config;
    // The norm's gain is the inverse of the quantisation's step: one pass less.
    const gain = g.tensor('norm_gain', [H], new Float32Array(H).fill(STATIC / NORM_CLIP));
    const { sum, normed } = g.skipNorm(x, delta, gain, rmsNormEps);
    return { sum, q: this.quantize(g, normed, g.scalar(1)) };
  }

  private get normScale(): number {
    return NORM_CLIP / STATIC;
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
    const { sum, q } = this.normed(g, x, delta);
    const scale = g.scalar(this.normScale);
    const linear = (name: string, input: string): string =>
      this.multiply(g, `${layer}.self_attn.${name}`, input, scale);
    return {
      sum,
      q: linear('q_proj', atTargets(q)),
      k: linear('k_proj', q),
      v: linear('v_proj', q),
    };
  }

  attentionOutput(g: GraphBuilder, layer: string, context: string): Delta {
    const scale = this.tensor(g, `${layer}.self_attn.context.scale`);
    const q = this.quantize(g, context, scale);
    return { value: this.multiply(g, `${layer}.self_attn.o_proj`, q, scale) };
  }

  mlp(g: GraphBuilder, layer: string, x: string, delta: Delta): { sum: string; delta: Delta } {
    const { sum, q } = this.normed(g, x, delta);
    const scale = g.scalar(this.normScale);
    const inner = gated(
      g,
      this.config,
      this.multiply(g, `${layer}.mlp.gate_proj`, q, scale),
      this.multiply(g, `${layer}.mlp.up_proj`, q, scale),
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
      // The rest after the first digit lies in [-1/2, 1/2]: a second digit of 1/254.
      const rest = g.op('Sub', [
        scaled,
        g.op('DequantizeLinear', [high, g.scalar(1), g.constant('uint8', [128], [])]),
      ]);
      const step = g.scalar(0.5 / STATIC);
      const rounded = this.quantize(g, rest, step);
      const low = this.multiply(g, name, rounded, step, { bias: false, twin: true });
      product = g.op('Add', [product, low]);
    }
    const value = g.op('Mul', [product, g.op('Mul', [peak, g.scalar(1 / STATIC)])]);
    return { sum, delta: { value, bias: this.tensor(g, `${name}.bias`) } };
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
