import { treeTokens, type TokenTree } from './packing.js';

/** A path of tokens with the positions whose hidden states are wanted. */
export interface WantedPath {
  readonly ids: readonly number[];
  readonly wanted: readonly number[];
}

/** A tree and, for each of its wanted positions, which path and which of its positions that is. */
export interface PlannedTree {
  readonly tree: TokenTree;
  readonly tokens: number;
  readonly sources: readonly { readonly path: number; readonly position: number }[];
}

/** Sharing fewer tokens than this does not pay for the longer row. */
const LEAST_SHARED = 16;

function sharedLength(a: readonly number[], b: readonly number[]): number {
  const most = Math.min(a.length, b.length);
  let n = 0;
  while (n < most && a[n] === b[n]) n++;
  return n;
}

/**
 * Lays out paths that may share their beginnings. A path that another continues (the earlier turns of
 * a transcript) costs nothing more; paths that part (chosen and rejected) become branches of one trunk.
 * @param known tokens at the beginning that cost nothing anyway (the prefix)
 */
export function planTrees(paths: readonly WantedPath[], known = 0): PlannedTree[] {
  // Longest first, so that every path meets the one that continues it.
  const order = paths.map((_, i) => i).sort((a, b) => paths[b]!.ids.length - paths[a]!.ids.length);
  const chains: { ids: readonly number[]; members: number[] }[] = [];
  for (const i of order) {
    const { ids } = paths[i]!;
    const chain = chains.find((c) => sharedLength(c.ids, ids) === ids.length);
    if (chain) chain.members.push(i);
    else chains.push({ ids, members: [i] });
  }
  const clusters: (typeof chains)[] = [];
  for (const chain of chains) {
    const near = clusters.find((c) => sharedLength(c[0]!.ids, chain.ids) >= known + LEAST_SHARED);
    if (near) near.push(chain);
    else clusters.push([chain]);
  }
  return clusters.map((cluster) => treeOf(paths, cluster));
}

function treeOf(
  paths: readonly WantedPath[],
  chains: readonly { ids: readonly number[]; members: readonly number[] }[],
): PlannedTree {
  const first = chains[0]!;
  const trunk = chains
    .slice(1)
    .reduce((n, c) => Math.min(n, sharedLength(first.ids, c.ids)), first.ids.length);
  const sources: { path: number; position: number }[] = [];
  const wanted: { branch: number; index: number }[] = [];
  for (const [branch, { members }] of chains.entries()) {
    for (const path of members) {
      for (const [position, index] of paths[path]!.wanted.entries()) {
        sources.push({ path, position });
        wanted.push({ branch: index < trunk ? -1 : branch, index });
      }
    }
  }
  const branches = chains.map((c) => c.ids.slice(trunk));
  // One chain is all trunk.
  const tree = {
    trunk: first.ids.slice(0, trunk),
    branches: chains.length === 1 ? [] : branches,
    wanted,
  };
  return { tree, tokens: treeTokens(tree), sources };
}
