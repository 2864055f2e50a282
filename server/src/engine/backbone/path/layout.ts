import type { TokenTree } from '../../trees/packing.js';

/** Trees as a graph of paths is fed them; see model/graph/paths/graph.ts for the meaning of each array. */
export interface PathBatch {
  /** N packed tokens. */
  readonly ids: Int32Array;
  /** R rows of L slots. */
  readonly rows: number;
  readonly length: number;
  readonly rowTokens: BigInt64Array;
  /** Each row's length - 1. */
  readonly lengths: Int32Array;
  readonly tokenSlots: BigInt64Array;
  readonly targetSlots: BigInt64Array;
  readonly targets: BigInt64Array;
}

/** Lays trees out: a tree without branches is one row, else each branch is one, with the trunk before it. */
export function layOutPaths(trees: readonly TokenTree[]): PathBatch {
  const ids: number[] = [];
  const paths: number[][] = [];
  /** Of each tree its first row. */
  const first: number[] = [];
  const place = (tokens: readonly number[]): number[] =>
    tokens.map((id) => {
      ids.push(id);
      return ids.length - 1;
    });
  for (const { trunk, branches } of trees) {
    first.push(paths.length);
    const shared = place(trunk);
    for (const branch of branches.length > 0 ? branches : [[]])
      paths.push([...shared, ...place(branch)]);
  }
  const length = paths.reduce((most, path) => Math.max(most, path.length), 1);
  const rowTokens = new BigInt64Array(paths.length * length);
  const tokenSlots = new BigInt64Array(ids.length).fill(-1n);
  for (const [r, path] of paths.entries()) {
    for (const [s, token] of path.entries()) {
      rowTokens[r * length + s] = BigInt(token);
      // Of a shared token the first row's copy is taken: all are the same sums.
      if (tokenSlots[token] === -1n) tokenSlots[token] = BigInt(r * length + s);
    }
  }
  const wanted = trees.flatMap((tree, t) =>
    tree.wanted.map(({ branch, index }) => ({ row: first[t]! + Math.max(0, branch), index })),
  );
  return {
    ids: Int32Array.from(ids),
    rows: paths.length,
    length,
    rowTokens,
    lengths: Int32Array.from(paths, (path) => path.length - 1),
    tokenSlots,
    targetSlots: BigInt64Array.from(wanted, ({ row, index }) => BigInt(row * length + index)),
    targets: BigInt64Array.from(wanted, ({ row, index }) => BigInt(paths[row]![index]!)),
  };
}
