import type { ModelConfig, RopeConfig } from '../checkpoint/config.js';
import { inverseFrequencies, rotaryFactor } from '../checkpoint/rotary.js';
import { GraphBuilder } from './builder.js';
import type { Delta, WeightProvider } from './weights.js';

/**
 * Groups of attention tiles in a graph. A tile is some queries of a row with the keys before them;
 * tiles of like size share a group, so that the upper half of the causal square is mostly never
 * computed.
 */
export const TILE_GROUPS = 4;

/** cos and sin of each packed token's angles, [1, N, headDim / 2]. */
interface Rope {
  readonly cos: string;
  readonly sin: string;
}

/**
 * Builds a decoder-only backbone as one ONNX graph over *packed* tokens: the linear layers see
 * [tokens, hidden] without any padding, and only attention sees padded tiles. A row is a tree: a shared
 * beginning, then branches that see it but not one another; the host says by masks which query sees
 * which key, so a pair or a transcript is one row.
 *
 * Inputs (N packed tokens, T wanted positions, P tokens of a stored beginning; for each group g of tiles
 * B.g tiles of Q.g queries and K.g keys; for the last layer B rows of Q wanted positions and L slots):
 *  - input_ids [N], positions [N] int64
 *  - tile_queries.g [B.g, Q.g], tile_keys.g [B.g, K.g] int64: packed tokens (padding: any)
 *  - tile_mask.g [B.g, 1, Q.g, P+K.g] float32: 0 where a query sees a key, else a large negative number
 *  - tile_mask_sliding.g: the same with the sliding window, for models that have one
 *  - token_slots [N] int64: where each token's query lies among all groups' flattened queries
 *  - targets [T] int64 wanted packed tokens; target_rows [B, Q] int64 which of them each row asks for
 *    (padding: any); row_tokens [B, L] int64 each row's packed tokens; target_slots [T] b*Q + q;
 *    target_mask [B, 1, Q, P+L]
 * Output: hidden [T, hiddenSize] float32, after the final norm.
 */
export function buildBackbone(config: ModelConfig, weights: WeightProvider): Uint8Array {
  const g = new GraphBuilder();
  const { hiddenSize: H, heads, kvHeads, headDim: D } = config;
  const inputIds = g.input('input_ids', 'int64', ['N']);
  const positions = g.input('positions', 'int64', ['N']);
  const slides = config.slidingLayers?.some(Boolean) ?? false;
  const tiles = Array.from({ length: TILE_GROUPS }, (_, t) => {
    const mask = g.input(`tile_mask.${t}`, 'float32', [`B${t}`, 1, `Q${t}`, `PK${t}`]);
    return {
      queries: g.input(`tile_queries.${t}`, 'int64', [`B${t}`, `Q${t}`]),
      keys: g.input(`tile_keys.${t}`, 'int64', [`B${t}`, `K${t}`]),
      mask,
      sliding: slides
        ? g.input(`tile_mask_sliding.${t}`, 'float32', [`B${t}`, 1, `Q${t}`, `PK${t}`])
        : mask,
    };
  });
  const tokenSlots = g.input('token_slots', 'int64', ['N']);
  const targets = g.input('targets', 'int64', ['T']);
  const targetRows = g.input('target_rows', 'int64', ['B', 'Q']);
  const rowTokens = g.input('row_tokens', 'int64', ['B', 'L']);
  const targetSlots = g.input('target_slots', 'int64', ['T']);
  const targetMask = g.input('target_mask', 'float32', ['B', 1, 'Q', 'PL']);

  // cos and sin of every token's angle, computed once: no table, so no longest position.
  const rope = (of: RopeConfig): Rope => {
    const frequencies = inverseFrequencies(config, of);
    const angles = g.op('Mul', [
      g.op('Unsqueeze', [g.op('Cast', [positions], { to: 1 }), g.ints(1)]),
      g.constant('float32', [...frequencies], [1, frequencies.length]),
    ]);
    const factor = rotaryFactor(of);
    const wave = (name: string): string => {
      const values = g.op(name, [angles]);
      const scaled = factor === 1 ? values : g.op('Mul', [values, g.scalar(factor)]);
      return g.op('Unsqueeze', [scaled, g.ints(0)]);
    };
    return { cos: wave('Cos'), sin: wave('Sin') };
  };
  const global = rope(config.rope);
  const local = config.localRope ? rope(config.localRope) : global;
  const rotate = (x: string, n: number, c: string, s: string): string =>
    g.op('Squeeze', [
      g.op('RotaryEmbedding', [g.op('Unsqueeze', [x, g.ints(0)]), c, s], { num_heads: n }),
      g.ints(0),
    ]);
  const gather = (x: string, indices: string, axis = 0): string =>
    g.op('Gather', [x, indices], { axis });
  const atTargets = (x: string): string => gather(x, targets);
  const flat = (context: string): string => g.op('Reshape', [context, g.ints(-1, heads * D)]);

  let x = gather(weights.embedding(g), inputIds);
  if (config.embeddingScale !== 1) x = g.op('Mul', [x, g.scalar(config.embeddingScale)]);
  let delta: Delta | undefined;

  for (let layer = 0; layer < config.layers; layer++) {
    const last = layer === config.layers - 1;
    const p = `model.layers.${layer}`;
    const inputs = weights.attentionInputs(g, p, x, delta, last ? atTargets : undefined);
    const sliding = config.slidingLayers?.[layer] ?? false;
    const { cos, sin } = sliding ? local : global;
    const k = rotate(inputs.k, kvHeads, cos, sin);
    const [pastKey, pastValue] = weights.prefix ? weights.prefixOf(g, p) : [];
    const rows = (past: string | undefined, packed: string, tokens: string): string => {
      const gathered = gather(packed, tokens);
      if (past === undefined) return gathered;
      const batch = g.op('Shape', [tokens], { start: 0, end: 1 });
      const shape = g.op('Concat', [batch, g.ints(1), g.ints(1)], { axis: 0 });
      return g.op('Concat', [g.op('Expand', [past, shape]), gathered], { axis: 1 });
    };
    const attend = (q: string, queries: string, keys: string, mask: string): string =>
      flat(
        attention(g, config, {
          q: gather(q, queries),
          k: rows(pastKey, k, keys),
          v: rows(pastValue, inputs.v, keys),
          mask,
        }),
      );
    let context: string;
    if (last) {
      const q = rotate(inputs.q, heads, gather(cos, targets, 1), gather(sin, targets, 1));
      context = gather(attend(q, targetRows, rowTokens, targetMask), targetSlots);
      x = atTargets(inputs.sum);
    } else {
      const q = rotate(inputs.q, heads, cos, sin);
      const parts = tiles.map((t) => attend(q, t.queries, t.keys, sliding ? t.sliding : t.mask));
      context = gather(g.op('Concat', parts, { axis: 0 }), tokenSlots);
      x = inputs.sum;
    }
    ({ sum: x, delta } = weights.mlp(g, p, x, weights.attentionOutput(g, p, context)));
  }
  g.output(weights.finalNorm(g, x, delta!), 'hidden', 'float32', ['T', H]);
  return g.serialize(config.architecture);
}

/**
 * Grouped-query attention over rows: q [B, Lq, heads*D], k and v [B, Lk, kvHeads*D], mask [B, 1, Lq, Lk].
 * Returns [B, Lq, heads*D]. The fused operator where it fits; soft-capping is spelled out, since the
 * operator's order of cap and mask changed between opsets.
 */
export function attention(
  g: GraphBuilder,
  config: ModelConfig,
  t: { q: string; k: string; v: string; mask: string },
): string {
  const { heads, kvHeads, headDim: D } = config;
  if (config.attnSoftcap === undefined) {
    return g.op('Attention', [t.q, t.k, t.v, t.mask], {
      q_num_heads: heads,
      kv_num_heads: kvHeads,
      scale: { float: config.queryScale },
    });
  }
  const group = heads / kvHeads;
  const split = (x: string, ...dims: number[]): string =>
    g.op('Reshape', [x, g.ints(0, 0, ...dims)]);
  const q = g.op('Transpose', [split(t.q, kvHeads, group, D)], { perm: [0, 2, 3, 1, 4] });
  const k = g.op('Unsqueeze', [
    g.op('Transpose', [split(t.k, kvHeads, D)], { perm: [0, 2, 3, 1] }),
    g.ints(2),
  ]);
  const v = g.op('Unsqueeze', [
    g.op('Transpose', [split(t.v, kvHeads, D)], { perm: [0, 2, 1, 3] }),
    g.ints(2),
  ]);
  const scores = g.op('MatMul', [g.op('Mul', [q, g.scalar(config.queryScale)]), k]);
  const cap = g.scalar(config.attnSoftcap);
  const capped = g.op('Mul', [g.op('Tanh', [g.op('Div', [scores, cap])]), cap]);
  const weights = g.op('Softmax', [g.op('Add', [capped, g.op('Unsqueeze', [t.mask, g.ints(1)])])], {
    axis: -1,
  });
  const out = g.op('Transpose', [g.op('MatMul', [weights, v])], { perm: [0, 3, 1, 2, 4] });
  return g.op('Reshape', [out, g.ints(0, 0, heads * D)]);
}
