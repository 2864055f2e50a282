import { TILE_GROUPS } from '../model/graph/backbone.js';
import { cutTiles, groupTiles, type Tile } from './tiles.js';

/** One row of attention: a tree of tokens, flattened so that a parent stands before its children. */
export interface TokenTree {
  /** Token ids of the shared beginning, then of each branch. */
  readonly trunk: readonly number[];
  readonly branches: readonly (readonly number[])[];
  /** Wanted positions: branch -1 is the trunk; `index` counts from the start of the whole path. */
  readonly wanted: readonly { readonly branch: number; readonly index: number }[];
}

/** Tiles of one padded size; see model/graph/backbone.ts for the meaning of each array. */
export interface TileGroup {
  readonly tiles: number;
  readonly queryLength: number;
  readonly keyLength: number;
  readonly queries: BigInt64Array;
  readonly keys: BigInt64Array;
  readonly mask: Float32Array;
  readonly maskSliding: Float32Array | undefined;
}

/** What a run of the backbone is fed; see model/graph/backbone.ts for the meaning of each array. */
export interface PackedBatch {
  readonly tokens: number;
  /** Tokens of the stored beginning, whose keys stand before all others. */
  readonly prefix: number;
  readonly inputIds: BigInt64Array;
  readonly positions: BigInt64Array;
  readonly groups: readonly TileGroup[];
  readonly tokenSlots: BigInt64Array;
  /** The last layer's rows: `rows` of `length` slots, with `queries` wanted positions each. */
  readonly rows: number;
  readonly length: number;
  readonly queries: number;
  readonly rowTokens: BigInt64Array;
  readonly targets: BigInt64Array;
  readonly targetRows: BigInt64Array;
  readonly targetSlots: BigInt64Array;
  readonly targetMask: Float32Array;
}

/** Masked scores; finite, so that a row of padding does not become NaN in the softmax. */
const MASKED = -1e9;

/** The number of tokens a tree costs. */
export function treeTokens(tree: TokenTree): number {
  return tree.trunk.length + tree.branches.reduce((n, b) => n + b.length, 0);
}

/** One tree flattened into slots; slot s is the packed token `start + s`. */
interface Row {
  readonly start: number;
  readonly length: number;
  /** Prefix tokens that the row continues: all or none. */
  readonly skip: number;
  readonly trunk: number;
  readonly branchStarts: readonly number[];
  /** First slot of each slot's branch (0 on the trunk), and its position in the path. */
  readonly branchStart: Int32Array;
  readonly position: Int32Array;
}

/** How a batch is masked; `window` is the sliding window in tokens. */
interface Masking {
  readonly prefix: number;
  readonly window?: number;
}

/**
 * Lays trees out for one run. `prefixIds` is the beginning whose keys and values are stored: it is
 * dropped from every tree that starts with it and hidden from the others. `slidingWindow` asks for the
 * second mask; `lastLayerSlides` says which of the two the wanted positions use.
 */
export function pack(
  trees: readonly TokenTree[],
  prefixIds: readonly number[],
  slidingWindow?: number,
  lastLayerSlides = false,
): PackedBatch {
  const P = prefixIds.length;
  const skips = trees.map((t) => (continues(t, prefixIds) ? P : 0));
  const N = trees.reduce((n, t, i) => n + treeTokens(t) - skips[i]!, 0);
  const inputIds = new BigInt64Array(N);
  const positions = new BigInt64Array(N);
  let start = 0;
  const rows = trees.map((tree, i) => {
    const row = layOut(tree, skips[i]!, start, inputIds, positions);
    start += row.length;
    return row;
  });
  const groups = groupTiles(cutTiles(rows.map((r) => r.length)), TILE_GROUPS);
  const tokenSlots = new BigInt64Array(N);
  let slot = 0;
  const packed = groups.map((tiles) => {
    const group = packGroup(tiles, rows, { prefix: P }, slidingWindow);
    for (const [b, { row, from, to }] of tiles.entries()) {
      for (let s = from; s < to; s++)
        tokenSlots[rows[row]!.start + s] = BigInt(slot + b * group.queryLength + s - from);
    }
    slot += group.tiles * group.queryLength;
    return group;
  });
  const window = lastLayerSlides ? slidingWindow : undefined;
  return {
    tokens: N,
    prefix: P,
    inputIds,
    positions,
    groups: packed,
    tokenSlots,
    ...packTargets(trees, rows, { prefix: P, window }),
  };
}

function layOut(
  tree: TokenTree,
  skip: number,
  start: number,
  inputIds: BigInt64Array,
  positions: BigInt64Array,
): Row {
  const length = treeTokens(tree) - skip;
  const branchStart = new Int32Array(length);
  const position = new Int32Array(length);
  const branchStarts: number[] = [];
  let slot = 0;
  const place = (ids: readonly number[], from: number, first: number, begin: number): void => {
    for (let i = from; i < ids.length; i++, slot++) {
      branchStart[slot] = begin;
      position[slot] = first + i;
      inputIds[start + slot] = BigInt(ids[i]!);
      positions[start + slot] = BigInt(first + i);
    }
  };
  place(tree.trunk, skip, 0, 0);
  for (const branch of tree.branches) {
    branchStarts.push(slot);
    place(branch, 0, tree.trunk.length, slot);
  }
  const trunk = tree.trunk.length - skip;
  return { start, length, skip, trunk, branchStarts, branchStart, position };
}

/** Opens, in a row of the mask that begins at `at`, the keys that a slot sees. */
function open(mask: Float32Array, at: number, row: Row, slot: number, m: Masking): void {
  const begin = row.branchStart[slot]!;
  const trunk = Math.min(row.trunk, slot + 1);
  // Positions run on from trunk to branch, slots may jump: keys nearer than the window stay.
  const oldest = m.window === undefined ? 0 : row.position[slot]! - m.window + 1;
  mask.fill(0, at + Math.min(row.skip, Math.max(0, oldest)), at + row.skip);
  mask.fill(
    0,
    at + m.prefix + Math.min(trunk, Math.max(0, oldest - row.skip)),
    at + m.prefix + trunk,
  );
  if (slot < row.trunk) return;
  const gone = Math.max(0, oldest - row.skip - row.trunk);
  mask.fill(0, at + m.prefix + begin + gone, at + m.prefix + slot + 1);
}

function packGroup(
  tiles: readonly Tile[],
  rows: readonly Row[],
  masking: Masking,
  slidingWindow: number | undefined,
): TileGroup {
  // An operator on an empty batch is no sure thing: an empty group runs one query on one key.
  const B = Math.max(1, tiles.length);
  const Q = Math.max(1, ...tiles.map((t) => t.to - t.from));
  const K = Math.max(1, ...tiles.map((t) => t.to));
  const P = masking.prefix;
  const queries = new BigInt64Array(B * Q);
  const keys = new BigInt64Array(B * K);
  const newMask = (): Float32Array => new Float32Array(B * Q * (P + K)).fill(MASKED);
  const mask = newMask();
  const maskSliding = slidingWindow === undefined ? undefined : newMask();
  for (const [b, { row, from, to }] of tiles.entries()) {
    const r = rows[row]!;
    for (let s = 0; s < to; s++) keys[b * K + s] = BigInt(r.start + s);
    for (let s = from; s < to; s++) {
      const q = b * Q + s - from;
      queries[q] = BigInt(r.start + s);
      open(mask, q * (P + K), r, s, { prefix: P });
      if (maskSliding) open(maskSliding, q * (P + K), r, s, { prefix: P, window: slidingWindow });
    }
  }
  return { tiles: B, queryLength: Q, keyLength: K, queries, keys, mask, maskSliding };
}

function packTargets(trees: readonly TokenTree[], rows: readonly Row[], masking: Masking) {
  const B = trees.length;
  const L = Math.max(1, ...rows.map((r) => r.length));
  const Q = Math.max(1, ...trees.map((t) => t.wanted.length));
  const T = trees.reduce((n, t) => n + t.wanted.length, 0);
  const K = masking.prefix + L;
  const rowTokens = new BigInt64Array(B * L);
  const targets = new BigInt64Array(T);
  const targetRows = new BigInt64Array(B * Q);
  const targetSlots = new BigInt64Array(T);
  const targetMask = new Float32Array(B * Q * K).fill(MASKED);
  let target = 0;
  for (const [b, tree] of trees.entries()) {
    const row = rows[b]!;
    for (let s = 0; s < row.length; s++) rowTokens[b * L + s] = BigInt(row.start + s);
    for (const [q, { branch, index }] of tree.wanted.entries()) {
      const slot =
        branch < 0 ? index - row.skip : row.branchStarts[branch]! + index - row.skip - row.trunk;
      open(targetMask, (b * Q + q) * K, row, slot, masking);
      targets[target] = BigInt(row.start + slot);
      targetRows[b * Q + q] = BigInt(target);
      targetSlots[target++] = BigInt(b * Q + q);
    }
  }
  return {
    rows: B,
    length: L,
    queries: Q,
    rowTokens,
    targets,
    targetRows,
    targetSlots,
    targetMask,
  };
}

/** Can the stored beginning stand for this tree's own? At least one token must remain to be run. */
export function continues({ trunk, wanted }: TokenTree, prefix: readonly number[]): boolean {
  return (
    trunk.length > prefix.length &&
    prefix.every((id, i) => trunk[i] === id) &&
    wanted.every((w) => w.index >= prefix.length)
  );
}
