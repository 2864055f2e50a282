import { TILE_GROUPS } from '../../model/graph/backbone.js';
import { cutTiles, groupTiles, type Tile } from './tiles.js';

/** A tree of tokens, flattened so that a parent stands before its children. */
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
  /** The last layer's rows: `rows` paths of `length` slots, with `queries` wanted positions each. */
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

/**
 * A path of a tree from its first token that is not in the prefix: slot s is the packed token
 * `trunkStart + s` up to the trunk's end, then `branchStart + s - trunk`.
 */
interface Path {
  readonly trunkStart: number;
  readonly trunk: number;
  readonly branchStart: number;
  readonly length: number;
  /** Prefix tokens that the path continues: all or none. */
  readonly skip: number;
}

const tokenOf = (p: Path, slot: number): number =>
  slot < p.trunk ? p.trunkStart + slot : p.branchStart + slot - p.trunk;

/** The queries of a path that no path before it has: of the first of a tree the trunk too. */
interface Span {
  readonly path: number;
  readonly from: number;
  readonly to: number;
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
 *
 * Every query sees its keys at the places where they stand when its path is run alone, whatever it shares
 * and whatever else is in the batch: sums are then taken in the same order, and give the same bits.
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
  const paths: Path[] = [];
  const spans: Span[] = [];
  /** Of each tree its first path: branch b is b further on. */
  const first: number[] = [];
  let at = 0;
  const place = (ids: readonly number[], from: number, position: number): void => {
    for (let i = from; i < ids.length; i++, at++) {
      inputIds[at] = BigInt(ids[i]!);
      positions[at] = BigInt(position + i);
    }
  };
  for (const [i, tree] of trees.entries()) {
    const skip = skips[i]!;
    const [trunkStart, trunk] = [at, tree.trunk.length - skip];
    first.push(paths.length);
    spans.push({ path: paths.length, from: 0, to: trunk });
    place(tree.trunk, skip, 0);
    const ends = tree.branches.length > 0 ? tree.branches : [[]];
    for (const branch of ends) {
      const length = trunk + branch.length;
      if (branch.length > 0) spans.push({ path: paths.length, from: trunk, to: length });
      paths.push({ trunkStart, trunk, branchStart: at, length, skip });
      place(branch, 0, tree.trunk.length);
    }
  }
  const tiles = cutTiles(spans.map(({ from, to }) => to - from)).map(({ row, from, to }) => {
    const span = spans[row]!;
    return { row: span.path, from: span.from + from, to: span.from + to };
  });
  const tokenSlots = new BigInt64Array(N);
  let slot = 0;
  const packed = groupTiles(tiles, TILE_GROUPS).map((some) => {
    const group = packGroup(some, paths, { prefix: P }, slidingWindow);
    for (const [b, { row, from, to }] of some.entries()) {
      for (let s = from; s < to; s++)
        tokenSlots[tokenOf(paths[row]!, s)] = BigInt(slot + b * group.queryLength + s - from);
    }
    slot += group.tiles * group.queryLength;
    return group;
  });
  const window = lastLayerSlides ? slidingWindow : undefined;
  const wanted = trees.flatMap((tree, i) =>
    tree.wanted.map(({ branch, index }) => ({
      path: first[i]! + Math.max(0, branch),
      slot: index - skips[i]!,
    })),
  );
  return {
    tokens: N,
    prefix: P,
    inputIds,
    positions,
    groups: packed,
    tokenSlots,
    ...packTargets(wanted, paths, { prefix: P, window }),
  };
}

/** Opens, in a row of the mask that begins at `at`, the keys that a slot sees. */
function open(mask: Float32Array, at: number, path: Path, slot: number, m: Masking): void {
  const { skip } = path;
  const oldest = m.window === undefined ? 0 : slot + skip - m.window + 1;
  mask.fill(0, at + Math.min(skip, Math.max(0, oldest)), at + skip);
  mask.fill(0, at + m.prefix + Math.max(0, oldest - skip), at + m.prefix + slot + 1);
}

/** A product with one row is another kernel's, with other sums. */
const LEAST_QUERIES = 2;

/**
 * Keys of a row, with those of the prefix, are a multiple of this: what is left over of vectors has another exponential in ONNX
 * Runtime's softmax on arm64, so that padding would change the last bit.
 */
const KEYS = 4;
const paddedKeys = (prefix: number, longest: number): number =>
  Math.ceil((prefix + longest) / KEYS) * KEYS - prefix;

function packGroup(
  tiles: readonly Tile[],
  paths: readonly Path[],
  masking: Masking,
  slidingWindow: number | undefined,
): TileGroup {
  // An operator on an empty batch is no sure thing: an empty group runs some queries on one key.
  const B = Math.max(1, tiles.length);
  const Q = Math.max(LEAST_QUERIES, ...tiles.map((t) => t.to - t.from));
  const P = masking.prefix;
  const K = paddedKeys(P, Math.max(1, ...tiles.map((t) => t.to)));
  const queries = new BigInt64Array(B * Q);
  const keys = new BigInt64Array(B * K);
  const newMask = (): Float32Array => new Float32Array(B * Q * (P + K)).fill(MASKED);
  const mask = newMask();
  const maskSliding = slidingWindow === undefined ? undefined : newMask();
  for (const [b, { row, from, to }] of tiles.entries()) {
    const path = paths[row]!;
    for (let s = 0; s < to; s++) keys[b * K + s] = BigInt(tokenOf(path, s));
    for (let s = from; s < to; s++) {
      const q = b * Q + s - from;
      queries[q] = keys[b * K + s]!;
      open(mask, q * (P + K), path, s, { prefix: P });
      if (maskSliding)
        open(maskSliding, q * (P + K), path, s, { prefix: P, window: slidingWindow });
    }
  }
  return { tiles: B, queryLength: Q, keyLength: K, queries, keys, mask, maskSliding };
}

/** The last layer: a row for each path of which a position is wanted. */
function packTargets(
  wanted: readonly { readonly path: number; readonly slot: number }[],
  paths: readonly Path[],
  masking: Masking,
) {
  const asked = new Map<number, number[]>();
  for (const [target, { path }] of wanted.entries()) {
    const others = asked.get(path);
    if (others) others.push(target);
    else asked.set(path, [target]);
  }
  const B = Math.max(1, asked.size);
  const longest = Math.max(1, ...[...asked.keys()].map((path) => paths[path]!.length));
  const L = paddedKeys(masking.prefix, longest);
  const Q = Math.max(LEAST_QUERIES, ...[...asked.values()].map((t) => t.length));
  const T = wanted.length;
  const K = masking.prefix + L;
  const rowTokens = new BigInt64Array(B * L);
  const targets = new BigInt64Array(T);
  const targetRows = new BigInt64Array(B * Q);
  const targetSlots = new BigInt64Array(T);
  const targetMask = new Float32Array(B * Q * K).fill(MASKED);
  for (const [b, [number, members]] of [...asked].entries()) {
    const path = paths[number]!;
    for (let s = 0; s < path.length; s++) rowTokens[b * L + s] = BigInt(tokenOf(path, s));
    for (const [q, target] of members.entries()) {
      const { slot } = wanted[target]!;
      open(targetMask, (b * Q + q) * K, path, slot, masking);
      targets[target] = BigInt(tokenOf(path, slot));
      targetRows[b * Q + q] = BigInt(target);
      targetSlots[target] = BigInt(b * Q + q);
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
