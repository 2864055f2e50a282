import type { ModelConfig } from '../../checkpoint/config.js';
import { attention } from '../backbone.js';
import { GraphBuilder } from '../builder.js';
import { DataType } from '../onnx-schema.js';
import { gated, required, type TensorLookup } from '../weights.js';
import { paddedHead, type FloatType, type Variant } from './variants.js';

const MICROSOFT = { domain: 'com.microsoft' };

/** What a graph of paths is fed besides its weights; `local` where sliding layers have a rotary base of their own. */
export const hasLocalRope = (config: ModelConfig): boolean => config.localRope !== undefined;
const slidesAnywhere = (config: ModelConfig): boolean =>
  config.slidingLayers?.some(Boolean) ?? false;
export const needsMask = (variant: Variant): boolean => variant.attention === 'spelled';

/**
 * Builds a backbone as "grouped-query attention over paths": linear layers see the packed tokens of all trees
 * once; for attention each branch's whole path from its first token is gathered into a row, padded on the
 * right, and one causal GroupQueryAttention a layer runs over the rows. Causality hides the padding, so there
 * are no masks. Shared tokens are attended again in every row (under 2 % of the work at 1,000 tokens).
 *
 * Inputs (N packed tokens, R rows of L slots, T wanted positions, D the padded size of a head):
 *  - embeddings [N, hidden] float32: rows of the table, scaled; the table itself stays on the disk
 *  - rows [R, L] int64: the packed token of each slot (padding: any)
 *  - seqlens_k [R] int32: each row's length - 1; total_length [1] int32: L
 *  - cos, sin [S >= L, D / 2] float32, and cos_local, sin_local
 *  - token_slots [N], target_slots [T] int64: where a token's row r and slot s are, r * L + s; targets [T] int64
 *  - spelled attention: positions [R, L] int64, path_mask [1, 1, L, L] and path_mask_sliding: 0 or a large negative
 * Output: hidden [T, hiddenSize] float32, after the final norm.
 */
export function buildPaths(
  config: ModelConfig,
  variant: Variant,
  lookup: TensorLookup,
): Uint8Array {
  return new PathsGraph(config, variant, lookup).build();
}

class PathsGraph {
  readonly #g = new GraphBuilder();
  readonly #head: number;

  constructor(
    private readonly config: ModelConfig,
    private readonly variant: Variant,
    private readonly lookup: TensorLookup,
  ) {
    this.#head = paddedHead(config.headDim);
  }

  build(): Uint8Array {
    const { config, variant } = this;
    const g = this.#g;
    const { hiddenSize: H, layers, heads } = config;
    const int = (name: string, ...shape: (string | number)[]): string =>
      g.input(name, 'int64', shape);
    const embeddings = g.input('embeddings', 'float32', ['N', H]);
    const rows = int('rows', 'R', 'L');
    const rope = this.#ropes();
    const masks = needsMask(variant) ? this.#masks() : undefined;
    const lengths = masks ? [] : this.#lengths();
    const tokenSlots = int('token_slots', 'N');
    const targetSlots = int('target_slots', 'T');
    const targets = int('targets', 'T');
    const gather = (x: string, at: string): string => g.op('Gather', [x, at], { axis: 0 });

    let x = this.#cast(embeddings, 'float32', variant.residual);
    let delta: string | undefined;
    for (let layer = 0; layer < layers; layer++) {
      const p = `model.layers.${layer}`;
      const last = layer === layers - 1;
      const sliding = config.slidingLayers?.[layer] ?? false;
      const into = this.#skipNorm(`${p}.input_layernorm`, x, delta);
      const qkv = gather(this.#queryKeyValue(p, into.normed), rows);
      const angles = sliding ? rope.local : rope.global;
      const context =
        masks === undefined
          ? this.#fused(qkv, lengths, angles, sliding)
          : this.#spelled(qkv, masks.positions, angles, sliding ? masks.sliding : masks.full);
      const flat = g.op('Reshape', [context, g.ints(-1, heads * this.#head)]);
      x = last ? gather(into.sum, targets) : into.sum;
      const picked = gather(flat, last ? targetSlots : tokenSlots);
      const attended = this.#block(
        `${p}.self_attn.o_proj`,
        picked,
        `${p}.post_attention_layernorm`,
      );
      const name = config.sandwichNorms ? 'pre_feedforward_layernorm' : 'post_attention_layernorm';
      const middle = this.#skipNorm(`${p}.${name}`, x, attended);
      x = middle.sum;
      delta = this.#block(
        `${p}.mlp.down_proj`,
        this.#inner(p, middle.normed),
        `${p}.post_feedforward_layernorm`,
      );
    }
    const { normed } = this.#skipNorm('model.norm', x, delta, variant.residual);
    g.output(this.#cast(normed, variant.residual, 'float32'), 'hidden', 'float32', ['T', H]);
    return g.serialize(config.architecture);
  }

  #tensor(name: string): string {
    return this.#g.external(name, required(this.lookup, name));
  }

  #cast(x: string, from: FloatType, to: FloatType): string {
    return from === to ? x : this.#g.op('Cast', [x], { to: DataType[to] });
  }

  #ropes(): Record<'global' | 'local', { cos: string; sin: string }> {
    const half = this.#head / 2;
    const of = (name: string): { cos: string; sin: string } => {
      const wave = (kind: string): string =>
        this.#cast(
          this.#g.input(`${kind}${name}`, 'float32', ['S', half]),
          'float32',
          this.variant.activations,
        );
      return { cos: wave('cos'), sin: wave('sin') };
    };
    const global = of('');
    return { global, local: hasLocalRope(this.config) ? of('_local') : global };
  }

  #lengths(): string[] {
    const of = (name: string, size: string | number): string =>
      this.#g.input(name, 'int32', [size]);
    return [of('seqlens_k', 'R'), of('total_length', 1)];
  }

  #masks(): { positions: string; full: string; sliding: string } {
    const input = (name: string): string => this.#g.input(name, 'float32', [1, 1, 'L', 'L']);
    const full = input('path_mask');
    return {
      positions: this.#g.input('positions', 'int64', ['R', 'L']),
      full,
      sliding: slidesAnywhere(this.config) ? input('path_mask_sliding') : full,
    };
  }

  /** x [tokens, in] @ W^T, W [out, in], and the bias where the model has one. */
  #linear(name: string, x: string): string {
    const g = this.#g;
    const { bits, accuracy } = this.variant;
    const bias = this.lookup(`${name}.bias`) && this.#tensor(`${name}.bias`);
    if (bits === undefined) {
      const inputs = [x, this.#tensor(`${name}.weight`)];
      return g.op('Gemm', bias === undefined ? inputs : [...inputs, bias], { transB: 1 });
    }
    const { shape } = required(this.lookup, `${name}.codes`);
    const [N, blocks] = shape as [number, number];
    const K = this.#inputsOf(name);
    if (Math.ceil(K / 32) !== blocks) throw new Error(`"${name}" has ${blocks} blocks for ${K}`);
    const product = g.op(
      'MatMulNBits',
      [x, this.#tensor(`${name}.codes`), this.#tensor(`${name}.scales`)],
      {
        K,
        N,
        bits,
        block_size: 32,
        ...(accuracy === undefined ? {} : { accuracy_level: accuracy }),
      },
      MICROSOFT,
    );
    return bias === undefined ? product : g.op('Add', [product, bias]);
  }

  #inputsOf(name: string): number {
    const { hiddenSize, heads, intermediateSize } = this.config;
    if (name.endsWith('o_proj')) return heads * this.#head;
    return name.endsWith('down_proj') ? intermediateSize : hiddenSize;
  }

  /** sum = x + delta in the residual's type; its norm in the activations'. */
  #skipNorm(
    name: string,
    x: string,
    delta: string | undefined,
    to: FloatType = this.variant.activations,
  ): { sum: string; normed: string } {
    const { residual } = this.variant;
    const value = delta === undefined ? undefined : { value: delta };
    const gain = this.#tensor(`${name}.weight`);
    const { sum, normed } = this.#g.skipNorm(x, value, gain, this.config.rmsNormEps);
    return { sum, normed: this.#cast(normed, residual, to) };
  }

  /** A block's last linear layer, and Gemma's norm after it, as the residual stream takes them. */
  #block(linear: string, x: string, norm: string): string {
    const { activations, residual } = this.variant;
    const out = this.#cast(this.#linear(linear, x), activations, residual);
    if (!this.config.sandwichNorms) return out;
    return this.#g.op('RMSNormalization', [out, this.#tensor(`${norm}.weight`)], {
      axis: -1,
      epsilon: { float: this.config.rmsNormEps },
    });
  }

  /** [tokens, (heads + 2 kvHeads) * D]: q, then k, then v; q and k normed head by head where the model does so. */
  #queryKeyValue(p: string, x: string): string {
    const g = this.#g;
    const { config } = this;
    const packed = this.#linear(`${p}.self_attn.qkv`, x);
    if (!config.qkNorm) return packed;
    const [q, k, v] = this.#split(packed);
    const D = this.#head;
    // Of a widened head the mean of squares is over more channels: its norm.weight holds the factor.
    const epsilon = { float: (config.rmsNormEps * config.headDim) / D };
    const norm = (part: string, name: string): string => {
      const split = g.op('Reshape', [part, g.ints(0, -1, D)]);
      const weight = this.#tensor(`${p}.self_attn.${name}_norm.weight`);
      const normed = g.op('RMSNormalization', [split, weight], { axis: -1, epsilon });
      return g.op('Flatten', [normed], { axis: 1 });
    };
    return g.op('Concat', [norm(q, 'q'), norm(k, 'k'), v], { axis: -1 });
  }

  /** Into q, k and v along the last axis. */
  #split(packed: string): [string, string, string] {
    const { heads, kvHeads } = this.config;
    const sizes = [heads, kvHeads, kvHeads].map((n) => n * this.#head);
    const parts = this.#g.ops(
      'Split',
      [packed, this.#g.ints(...sizes)],
      { axis: -1 },
      { outputs: 3 },
    );
    return parts as [string, string, string];
  }

  #fused(
    qkv: string,
    lengths: readonly string[],
    { cos, sin }: { cos: string; sin: string },
    sliding: boolean,
  ): string {
    const { heads, kvHeads, queryScale, attnSoftcap, slidingWindow } = this.config;
    // Without declared present keys and values the CUDA kernel crashes.
    return this.#g.op(
      'GroupQueryAttention',
      [qkv, '', '', '', '', ...lengths, cos, sin],
      {
        num_heads: heads,
        kv_num_heads: kvHeads,
        scale: { float: queryScale },
        do_rotary: 1,
        ...(attnSoftcap === undefined ? {} : { softcap: { float: attnSoftcap } }),
        ...(sliding ? { local_window_size: slidingWindow! } : {}),
      },
      { ...MICROSOFT, outputs: 3 },
    );
  }

  #spelled(
    qkv: string,
    positions: string,
    { cos, sin }: { cos: string; sin: string },
    mask: string,
  ): string {
    const { config } = this;
    const [q, k, v] = this.#split(qkv);
    const rotate = (x: string, n: number): string =>
      this.#g.op('RotaryEmbedding', [x, cos, sin, positions], { num_heads: n });
    return attention(
      this.#g,
      { ...config, headDim: this.#head },
      { q: rotate(q, config.heads), k: rotate(k, config.kvHeads), v, mask },
    );
  }

  #inner(p: string, x: string): string {
    const both = this.#linear(`${p}.mlp.gate_up`, x);
    const sizes = this.#g.ints(this.config.intermediateSize, this.config.intermediateSize);
    const [gate, up] = this.#g.ops('Split', [both, sizes], { axis: -1 }, { outputs: 2 });
    return gated(this.#g, this.config, gate!, up!);
  }
}
