import type { ModelConfig } from '../checkpoint/config.js';
import type { ExternalTensor, GraphBuilder } from './builder.js';

/** What a block adds to the residual stream: [tokens, hidden], and a constant [hidden] to add with it. */
export interface Delta {
  readonly value: string;
  readonly bias?: string;
}

/**
 * Where a backbone's weights come from and in which arithmetic they are applied. All activations are
 * packed: [tokens, features]. `layer` is a tensor-name prefix such as `model.layers.3`. A block gets the
 * residual stream and what the block before adds to it, so that the sum and its norm are one operation.
 */
export interface WeightProvider {
  /** Whether keys and values of a constant beginning are stored; then `prefixOf` gives them. */
  readonly prefix: boolean;
  /** Keys (after rotary embedding) and values [1, P, kvHeads*headDim] of the beginning. */
  prefixOf(g: GraphBuilder, layer: string): [key: string, value: string];
  /** The embedding table [vocab, hidden] as float32. */
  embedding(g: GraphBuilder): string;
  /**
   * x + delta, and the q, k, v projections of its norm. `atTargets` (last layer only) picks the wanted
   * rows, so that q is computed for them alone.
   */
  attentionInputs(
    g: GraphBuilder,
    layer: string,
    x: string,
    delta: Delta | undefined,
    atTargets?: (x: string) => string,
  ): { sum: string; q: string; k: string; v: string };
  /** Output projection (and Gemma's norm after it). */
  attentionOutput(g: GraphBuilder, layer: string, context: string): Delta;
  /** x + delta, and the gated MLP of its norm (and Gemma's norm after it). */
  mlp(g: GraphBuilder, layer: string, x: string, delta: Delta): { sum: string; delta: Delta };
  finalNorm(g: GraphBuilder, x: string, delta: Delta): string;
}

/** Finds a stored tensor by name; undefined when the model has none (an absent bias). */
export type TensorLookup = (name: string) => ExternalTensor | undefined;

export function required(lookup: TensorLookup, name: string): ExternalTensor {
  const tensor = lookup(name);
  if (!tensor) throw new Error(`the weights hold no tensor "${name}"`);
  return tensor;
}

/** act(gate) * up. */
export function gated(g: GraphBuilder, config: ModelConfig, gate: string, up: string): string {
  const activated = {
    silu: () => g.op('QuickGelu', [gate], { alpha: { float: 1 } }, { domain: 'com.microsoft' }),
    gelu_tanh: () => g.op('Gelu', [gate], { approximate: 'tanh' }),
    gelu: () => g.op('Gelu', [gate], { approximate: 'none' }),
  }[config.activation]();
  return g.op('Mul', [activated, up]);
}

/** Each head's row of x [tokens, heads*headDim] normed; `weight` [headDim]. */
export function headNorm(
  g: GraphBuilder,
  { headDim, rmsNormEps }: ModelConfig,
  x: string,
  weight: string,
): string {
  const split = g.op('Reshape', [x, g.ints(0, -1, headDim)]);
  const epsilon = { float: rmsNormEps };
  const normed = g.op('RMSNormalization', [split, weight], { axis: -1, epsilon });
  return g.op('Flatten', [normed], { axis: 1 });
}

/**
 * Float32 weights as Hugging Face stores them, [out, in]: `Gemm(transB)` reads them in place, so a
 * float32 safetensors file needs no copy. Norm weights of Gemma are stored with their +1 applied.
 */
export class FloatWeights implements WeightProvider {
  readonly prefix = false;

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
    return g.op('RMSNormalization', [x, this.tensor(g, `${name}.weight`)], {
      axis: -1,
      epsilon: { float: this.config.rmsNormEps },
    });
  }

  private skipNorm(
    g: GraphBuilder,
    name: string,
    x: string,
    delta: Delta | undefined,
  ): { sum: string; normed: string } {
    return g.skipNorm(x, delta, this.tensor(g, `${name}.weight`), this.config.rmsNormEps);
  }

  prefixOf(): never {
    throw new Error('float32 weights store no beginning');
  }

  embedding(g: GraphBuilder): string {
    return this.tensor(g, 'model.embed_tokens.weight');
  }

  attentionInputs(
    g: GraphBuilder,
    layer: string,
    x: string,
    delta: Delta | undefined,
    atTargets: (x: string) => string = (y) => y,
  ): { sum: string; q: string; k: string; v: string } {
    const { sum, normed } = this.skipNorm(g, `${layer}.input_layernorm`, x, delta);
    const head = (name: string, of: string): string => {
      const out = this.linear(g, `${layer}.self_attn.${name}_proj`, of);
      if (!this.config.qkNorm) return out;
      return headNorm(
        g,
        this.config,
        out,
        this.tensor(g, `${layer}.self_attn.${name}_norm.weight`),
      );
    };
    return {
      sum,
      q: head('q', atTargets(normed)),
      k: head('k', normed),
      v: this.linear(g, `${layer}.self_attn.v_proj`, normed),
    };
  }

  attentionOutput(g: GraphBuilder, layer: string, context: string): Delta {
    const out = this.linear(g, `${layer}.self_attn.o_proj`, context);
    const value = this.config.sandwichNorms
      ? this.norm(g, `${layer}.post_attention_layernorm`, out)
      : out;
    return { value };
  }

  mlp(g: GraphBuilder, layer: string, x: string, delta: Delta): { sum: string; delta: Delta } {
    const sandwich = this.config.sandwichNorms;
    const name = sandwich ? 'pre_feedforward_layernorm' : 'post_attention_layernorm';
    const { sum, normed } = this.skipNorm(g, `${layer}.${name}`, x, delta);
    const inner = gated(
      g,
      this.config,
      this.linear(g, `${layer}.mlp.gate_proj`, normed),
      this.linear(g, `${layer}.mlp.up_proj`, normed),
    );
    const out = this.linear(g, `${layer}.mlp.down_proj`, inner);
    const value = sandwich ? this.norm(g, `${layer}.post_feedforward_layernorm`, out) : out;
    return { sum, delta: { value } };
  }

  finalNorm(g: GraphBuilder, x: string, delta: Delta): string {
    return this.skipNorm(g, 'model.norm', x, delta).normed;
  }
}
