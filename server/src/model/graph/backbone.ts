import type { ModelConfig } from '../config.js';
import { inverseFrequencies } from '../rope.js';
import { GraphBuilder } from './builder.js';
import type { WeightProvider } from './weights.js';

/**
 * Builds a decoder-only backbone as one ONNX graph over *packed* tokens: the linear layers see
 * [tokens, hidden] without any padding, and only attention sees rows of [batch, length].
 * A row is a tree: a shared beginning, then branches that see it but not one another; the host says
 * by `mask` which slot sees which, so a pair or a transcript is one row.
 *
 * Inputs (N packed tokens, B rows, L slots a row, P prefix tokens, T wanted positions, Q of them a row):
 *  - input_ids [N], positions [N] int64
 *  - row_tokens [B, L] int64: the packed token of each slot (padding: any token)
 *  - token_slots [N] int64: b*L + l of each token
 *  - mask [B, 1, L, P+L] float32: 0 where slot i sees key j, a large negative number elsewhere
 *  - mask_sliding: the same with the sliding window, for layers that have one
 *  - prefix_key.i, prefix_value.i [1, P, kvHeads*headDim] float32: keys (after rotary embedding) and
 *    values of a beginning that every row shares; P may be 0
 *  - targets [T] int64 wanted packed tokens; target_rows [B, Q] int64 which of them each row asks
 *    for (padding: any); target_slots [T] b*Q + q; target_mask [B, 1, Q, P+L]
 * Output: hidden [T, hiddenSize] float32, after the final norm.
 * With `captureKeys`, key.i and value.i [N, kvHeads*headDim] are outputs too (to make a prefix).
 */
export function buildBackbone(
  config: ModelConfig,
  weights: WeightProvider,
  options: { captureKeys?: boolean } = {},
): Uint8Array {
  const g = new GraphBuilder();
  const { hiddenSize: H, heads, kvHeads, headDim: D } = config;
  const kvWidth = kvHeads * D;
  const inputIds = g.input('input_ids', 'int64', ['N']);
  const positions = g.input('positions', 'int64', ['N']);
  const rowTokens = g.input('row_tokens', 'int64', ['B', 'L']);
  const tokenSlots = g.input('token_slots', 'int64', ['N']);
  const mask = g.input('mask', 'float32', ['B', 1, 'L', 'PL']);
  const hasSliding = config.slidingLayers?.some(Boolean) ?? false;
  const maskSliding = hasSliding ? g.input('mask_sliding', 'float32', ['B', 1, 'L', 'PL']) : mask;
  const targets = g.input('targets', 'int64', ['T']);
  const targetRows = g.input('target_rows', 'int64', ['B', 'Q']);
  const targetSlots = g.input('target_slots', 'int64', ['T']);
  const targetMask = g.input('target_mask', 'float32', ['B', 1, 'Q', 'PL']);

  // cos and sin of every token's angle, computed once: no table, so no longest position.
  const frequencies = inverseFrequencies(config);
  const angles = g.op('Mul', [
    g.op('Unsqueeze', [g.op('Cast', [positions], { to: 1 }), g.ints(1)]),
    g.constant('float32', [...frequencies], [1, frequencies.length]),
  ]);
  const cos = g.op('Unsqueeze', [g.op('Cos', [angles]), g.ints(0)]);
  const sin = g.op('Unsqueeze', [g.op('Sin', [angles]), g.ints(0)]);
  const batch = g.op('Shape', [rowTokens], { start: 0, end: 1 });
  const prefixShape = g.op('Concat', [batch, g.ints(1), g.ints(1)], { axis: 0 });

  const rotate = (x: string, n: number, c: string, s: string): string =>
    g.op('Squeeze', [
      g.op('RotaryEmbedding', [g.op('Unsqueeze', [x, g.ints(0)]), c, s], { num_heads: n }),
      g.ints(0),
    ]);
  const gatherTargets = (x: string): string => g.op('Gather', [x, targets], { axis: 0 });

  let x = g.op('Gather', [weights.embedding(g), inputIds], { axis: 0 });
  if (config.embeddingScale !== 1) x = g.op('Mul', [x, g.scalar(config.embeddingScale)]);

  for (let layer = 0; layer < config.layers; layer++) {
    const last = layer === config.layers - 1;
    const p = `model.layers.${layer}`;
    const prefixKey = g.input(`prefix_key.${layer}`, 'float32', [1, 'P', kvWidth]);
    const prefixValue = g.input(`prefix_value.${layer}`, 'float32', [1, 'P', kvWidth]);
    const sliding = config.slidingLayers?.[layer] ?? false;

    const [q0, k0, v] = weights.attentionInputs(g, p, x, last ? gatherTargets : undefined);
    const k = rotate(k0, kvHeads, cos, sin);
    const q = last
      ? rotate(
          q0,
          heads,
          g.op('Gather', [cos, targets], { axis: 1 }),
          g.op('Gather', [sin, targets], { axis: 1 }),
        )
      : rotate(q0, heads, cos, sin);
    if (options.captureKeys) {
      g.output(k, `key.${layer}`, 'float32', ['N', kvWidth]);
      g.output(v, `value.${layer}`, 'float32', ['N', kvWidth]);
    }

    const withPrefix = (prefix: string, packed: string): string =>
      g.op(
        'Concat',
        [g.op('Expand', [prefix, prefixShape]), g.op('Gather', [packed, rowTokens], { axis: 0 })],
        {
          axis: 1,
        },
      );
    const context = attention(g, config, {
      q: g.op('Gather', [q, last ? targetRows : rowTokens], { axis: 0 }),
      k: withPrefix(prefixKey, k),
      v: withPrefix(prefixValue, v),
      mask: last ? targetMask : sliding ? maskSliding : mask,
    });
    const packedContext = g.op(
      'Gather',
      [g.op('Reshape', [context, g.ints(-1, heads * D)]), last ? targetSlots : tokenSlots],
      { axis: 0 },
    );
    if (last) x = gatherTargets(x);
    x = g.op('Add', [x, weights.attentionOutput(g, p, packedContext)]);
    x = g.op('Add', [x, weights.mlp(g, p, x)]);
  }
  const hidden = weights.finalNorm(g, x);
  g.output(hidden, 'hidden', 'float32', ['T', H]);
  return g.serialize(config.architecture);
}

/**
 * Grouped-query attention over rows: q [B, Lq, heads*D], k and v [B, Lk, kvHeads*D], mask [B, 1, Lq, Lk].
 * Returns [B, Lq, heads*D]. The fused operator where it fits; soft-capping is spelled out, since the
 * operator's order of cap and mask changed between opsets.
 */
function attention(
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
