import { continues, treeTokens, type TokenTree } from './packing.js';

/** Trees laid out one after the other, trunk before branches, without any padding. */
export interface SegmentBatch {
  readonly ids: Int32Array;
  /** [segments, 6], struct segment of server/native/backbone.h: first token, count, trunk's first token, trunk's count, sees the prefix?, position. */
  readonly segments: Int32Array;
  /** Wanted packed tokens, in the order in which the trees name them. */
  readonly targets: Int32Array;
  /** Positions are below this. */
  readonly positions: number;
}

/** Lays trees out as segments. @param prefix the beginning whose keys and values are stored */
export function layOutSegments(
  trees: readonly TokenTree[],
  prefix: readonly number[],
): SegmentBatch {
  const ids: number[] = [];
  const segments: number[] = [];
  const targets: number[] = [];
  let positions = 0;
  for (const tree of trees) {
    const skip = continues(tree, prefix) ? prefix.length : 0;
    const trunkFirst = ids.length;
    const trunk = tree.trunk.length - skip;
    const add = (tokens: readonly number[], shared: number, position: number): void => {
      segments.push(ids.length, tokens.length, trunkFirst, shared, skip > 0 ? 1 : 0, position);
      for (const id of tokens) ids.push(id);
      positions = Math.max(positions, position + tokens.length);
    };
    add(tree.trunk.slice(skip), 0, skip);
    const starts = tree.branches.map((branch) => {
      const start = ids.length;
      add(branch, trunk, tree.trunk.length);
      return start;
    });
    for (const { branch, index } of tree.wanted) {
      targets.push(
        branch < 0 ? trunkFirst + index - skip : starts[branch]! + index - tree.trunk.length,
      );
    }
    if (ids.length - trunkFirst !== treeTokens(tree) - skip) throw new Error('a tree lost tokens');
  }
  return {
    ids: Int32Array.from(ids),
    segments: Int32Array.from(segments),
    targets: Int32Array.from(targets),
    positions,
  };
}
