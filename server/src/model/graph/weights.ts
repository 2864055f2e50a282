import type { ModelConfig } from '../config.js';
import type { ExternalTensor, GraphBuilder } from './builder.js';

/**
 * Where a backbone's weights come from and in which arithmetic they are applied. All activations are
 * packed: [tokens, features]. `layer` is a tensor-name prefix such as `model.layers.3`.
 */
export interface WeightProvider {
  /** The embedding table [vocab, hidden] as float32. */
  embedding(g: GraphBuilder): string;
  /**
   * Input norm and q, k, v projections of `x`. `atTargets` (last layer only) picks the wanted rows,
   * so that q is computed for them alone.
   */
  attentionInputs(
    g: GraphBuilder,
    layer: string,
    x: string,
    atTargets?: (x: string) => string,
  ): [q: string, k: string, v: string];
  /** Output projection (and Gemma's norm after it), without the residual. */
  attentionOutput(g: GraphBuilder, layer: string, context: string): string;
  /** Norm, gated MLP (and Gemma's norm after it), without the residual. */
  mlp(g: GraphBuilder, layer: string, x: string): string;
  finalNorm(g: GraphBuilder, x: string): string;
}

/** Finds a stored tensor by name; undefined when the model has none (an absent bias). */
export type TensorLookup = (name: string) => ExternalTensor | undefined;

function required(lookup: TensorLookup, name: string): ExternalTensor {
  const tensor = lookup(name);
  if (!tensor) throw new Error(`the weights hold no tensor "${name}"`);
  return tensor;
}

function rmsNorm(g: GraphBuilder, config: ModelConfig, x: string, weight: string): string {
  return g.op('RMSNormalization', [x, weight], { axis: -1, epsilon: { float: config.rmsNormEps } });
}

/** act(gate) * up, with SiLU or GELU's tanh form. */
function gated(g: GraphBuilder, config: ModelConfig, gate: string, up: string): string {
  const activated =
    config.activation === 'silu'
      ? g.op('QuickGelu', [gate], { alpha: { float: 1 } }, { domain: 'com.microsoft' })
      : g.op('Gelu', [gate], { approximate: 'tanh' });
  return g.op('Mul', [activated, up]);
}

/**
 * Float32 weights as Hugging Face stores them, [out, in]: `Gemm(transB)` reads them in place, so a
 * float32 safetensors file needs no copy. Norm weights of Gemma are stored with their +1 applied.
 */
export class FloatWeights implements WeightProvider {
  constructor(
    private readonly config: ModelConfig,
    private readonly lookup: TensorLookup,
  ) {}

  private tensor(g: GraphBuilder, name: string): string {
    return g.external(name, required(this.lookup, name));
  }

  private linear(g: GraphBuilder, name: string, x: string): string {
    const inputs = [x, this.tensor(g, `${name}.weight`)];
    const bias = this.lookup(`${name}.bias`);
    if (bias) inputs.push(g.external(`${name}.bias`, bias));
    return g.op('Gemm', inputs, { transB: 1 });
  }

  private norm(g: GraphBuilder, name: string, x: string): string {
    return rmsNorm(g, this.config, x, this.tensor(g, `${name}.weight`));
  }

  embedding(g: GraphBuilder): string {
    return this.tensor(g, 'model.embed_tokens.weight');
  }

  attentionInputs(
    g: GraphBuilder,
    layer: string,
    x: string,
    atTargets: (x: string) => string = (y) => y,
  ): [string, string, string] {
    const n = this.norm(g, `${layer}.input_layernorm`, x);
    return [
      this.linear(g, `${layer}.self_attn.q_proj`, atTargets(n)),
      this.linear(g, `${layer}.self_attn.k_proj`, n),
      this.linear(g, `${layer}.self_attn.v_proj`, n),
    ];
  }

  attentionOutput(g: GraphBuilder, layer: string, context: string): string {
    const out = this.linear(g, `${layer}.self_attn.o_proj`, context);
    return this.config.sandwichNorms ? this.norm(g, `${layer}.post_attention_layernorm`, out) : out;
  }

  mlp(g: GraphBuilder, layer: string, x: string): string {
    const sandwich = this.config.sandwichNorms;
    const n = this.norm(
      g,
      `${layer}.${sandwich ? 'pre_feedforward_layernorm' : 'post_attention_layernorm'}`,
      x,
    );
    const h = gated(
      g,
      this.config,
      this.linear(g, `${layer}.mlp.gate_proj`, n),
      this.linear(g, `${layer}.mlp.up_proj`, n),
    );
    const out = this.linear(g, `${layer}.mlp.down_proj`, h);
    return sandwich ? this.norm(g, `${layer}.post_feedforward_layernorm`, out) : out;
  }

  finalNorm(g: GraphBuilder, x: string): string {
    return this.norm(g, 'model.norm', x);
  }
}

/**
 * Int8 weights (one scale a column) and int8 activations (one scale a token), for a Llama whose
 * residual stream was rotated (see ../quantize.ts), so that every norm's weight is 1 and no channel
 * is an outlier. Stored tensors, for a linear `name`: `name.q` int8 [in, out], `name.scale` [out];
 * q, k, v are one matrix `qkv_proj`, gate and up one `gate_up_proj`. Linears that stay float32 have
 * `name.weight` [in, out] instead.
 *
 * Since RMS normalisation scales a row and quantisation divides it by its largest value, the two
 * cancel: round(127 x / max|x|) needs no norm, and the norm's factor joins the output's scale.
 */
export class Int8Weights implements WeightProvider {
  constructor(
    private readonly config: ModelConfig,
    private readonly lookup: TensorLookup,
  ) {}

  private tensor(g: GraphBuilder, name: string): string {
    return g.external(name, required(this.lookup, name));
  }

  /** Rows of x as uint8 with zero point 128, and their largest magnitude [N, 1]. */
  private quantizeRows(g: GraphBuilder, x: string): { q: string; peak: string } {
    const peak = g.op('Max', [
      g.op('ReduceMax', [g.op('Abs', [x]), g.ints(-1)], { keepdims: 1 }),
      g.scalar(1e-30),
    ]);
    const q = g.op('QuantizeLinear', [
      g.op('Mul', [x, g.op('Div', [g.scalar(127), peak])]),
      g.scalar(1),
      g.constant('uint8', [128], []),
    ]);
    return { q, peak };
  }

  /** (q - 128) @ W in int32, times W's column scales, times `rowScale` [N, 1]. */
  private multiply(g: GraphBuilder, name: string, q: string, rowScale: string): string {
    const product = g.op(
      'MatMulIntegerToFloat',
      [
        q,
        this.tensor(g, `${name}.q`),
        g.scalar(1),
        this.tensor(g, `${name}.scale`),
        g.constant('uint8', [128], []),
      ],
      {},
      { domain: 'com.microsoft' },
    );
    return g.op('Mul', [product, rowScale]);
  }

  /** RMSNorm (weight 1) then linear, with the norm folded into the scales. */
  private normalized(g: GraphBuilder, x: string): { q: string; rowScale: string } {
    const { q, peak } = this.quantizeRows(g, x);
    const meanSquare = g.op('Mul', [
      g.op('ReduceSumSquare', [x, g.ints(-1)], { keepdims: 1 }),
      g.scalar(1 / this.config.hiddenSize),
    ]);
    const rms = g.op('Sqrt', [g.op('Add', [meanSquare, g.scalar(this.config.rmsNormEps)])]);
    return { q, rowScale: g.op('Div', [g.op('Mul', [peak, g.scalar(1 / 127)]), rms]) };
  }

  private linear(g: GraphBuilder, name: string, x: string): string {
    if (!this.lookup(`${name}.q`)) return g.op('MatMul', [x, this.tensor(g, `${name}.weight`)]);
    const { q, peak } = this.quantizeRows(g, x);
    return this.multiply(g, name, q, g.op('Mul', [peak, g.scalar(1 / 127)]));
  }

  embedding(g: GraphBuilder): string {
    return this.tensor(g, 'model.embed_tokens.weight');
  }

  attentionInputs(
    g: GraphBuilder,
    layer: string,
    x: string,
    atTargets?: (x: string) => string,
  ): [string, string, string] {
    const { heads, kvHeads, headDim } = this.config;
    const sizes = [heads * headDim, kvHeads * headDim, kvHeads * headDim];
    const { q, rowScale } = this.normalized(g, x);
    const qkv = this.multiply(g, `${layer}.self_attn.qkv_proj`, q, rowScale);
    const [query, key, value] = g.ops(
      'Split',
      [qkv, g.ints(...sizes)],
      { axis: -1 },
      { outputs: 3 },
    );
    return [atTargets ? atTargets(query!) : query!, key!, value!];
  }

  attentionOutput(g: GraphBuilder, layer: string, context: string): string {
    return this.linear(g, `${layer}.self_attn.o_proj`, context);
  }

  mlp(g: GraphBuilder, layer: string, x: string): string {
    const { q, rowScale } = this.normalized(g, x);
    const both = this.multiply(g, `${layer}.mlp.gate_up_proj`, q, rowScale);
    const half = this.config.intermediateSize;
    const [gate, up] = g.ops('Split', [both, g.ints(half, half)], { axis: -1 }, { outputs: 2 });
    return this.linear(g, `${layer}.mlp.down_proj`, gated(g, this.config, gate!, up!));
  }

  /** The last norm's weight is not folded: `model.norm.weight` acts after the rotation is undone. */
  finalNorm(g: GraphBuilder, x: string): string {
    const unrotated = g.op('MatMul', [x, this.tensor(g, 'rotation.inverse')]);
    return rmsNorm(g, this.config, unrotated, this.tensor(g, 'model.norm.weight'));
  }
}
