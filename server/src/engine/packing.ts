/** One row of attention: a tree of tokens, flattened so that a parent stands before its children. */
export interface TokenTree {
  /** Token ids of the shared beginning, then of each branch. */
  readonly trunk: readonly number[];
  readonly branches: readonly (readonly number[])[];
  /** Wanted positions: branch -1 is the trunk; `index` counts from the start of the whole path. */
  readonly wanted: readonly { readonly branch: number; readonly index: number }[];
}

/** What a run of the backbone is fed; see model/graph/backbone.ts for the meaning of each array. */
export interface PackedBatch {
  readonly tokens: number;
  readonly rows: number;
  readonly length: number;
  readonly prefix: number;
  readonly inputIds: BigInt64Array;
  readonly positions: BigInt64Array;
  readonly rowTokens: BigInt64Array;
  readonly tokenSlots: BigInt64Array;
  readonly mask: Float32Array;
  readonly maskSliding: Float32Array | undefined;
  readonly targets: BigInt64Array;
  readonly targetRows: BigInt64Array;
  readonly targetSlots: BigInt64Array;
  readonly targetMask: Float32Array;
  readonly queries: number;
}

/** Masked scores; finite, so that a row of padding does not become NaN in the softmax. */
const MASKED = -1e9;

/** The number of tokens a tree costs. */
export function treeTokens(tree: TokenTree): number {
  return tree.trunk.length + tree.branches.reduce((n, b) => n + b.length, 0);
}

/**
 * Splits conversations into what they share and what they don't: one tree for all of them.
 * Paths of equal ids share the trunk; each wanted position is kept by its path.
 */
export function shareBeginning(
  paths: readonly { ids: readonly number[]; wanted: readonly number[] }[],
): TokenTree {
  const first = paths[0]!;
  if (paths.length === 1) {
    return {
      trunk: first.ids,
      branches: [],
      wanted: first.wanted.map((index) => ({ branch: -1, index })),
    };
  }
  let shared = Math.min(...paths.map((p) => p.ids.length));
  for (const path of paths.slice(1)) {
    let n = 0;
    while (n < shared && path.ids[n] === first.ids[n]) n++;
    shared = n;
  }
  return {
    trunk: first.ids.slice(0, shared),
    branches: paths.map((p) => p.ids.slice(shared)),
    wanted: paths.flatMap((p, branch) =>
      p.wanted.map((index) => (index < shared ? { branch: -1, index } : { branch, index })),
    ),
  };
}

/**
 * Lays trees out for one run. `prefixIds` is the beginning whose keys and values are already known:
 * it is dropped from every tree that starts with it and hidden from the others. `slidingWindow` asks for
 * the second mask; `lastLayerSlides` says which of the two the wanted positions use.
 */
export function pack(
  trees: readonly TokenTree[],
  prefixIds: readonly number[],
  slidingWindow?: number,
  lastLayerSlides = false,
): PackedBatch {
  const P = prefixIds.length;
  const known = trees.map((t) => (startsWith(t.trunk, prefixIds) ? P : 0));
  const lengths = trees.map((t, i) => treeTokens(t) - known[i]!);
  const B = trees.length;
  const L = Math.max(1, ...lengths);
  const N = lengths.reduce((a, b) => a + b, 0);
  const Q = Math.max(1, ...trees.map((t) => t.wanted.length));
  const T = trees.reduce((n, t) => n + t.wanted.length, 0);
  const K = P + L;

  const inputIds = new BigInt64Array(N);
  const positions = new BigInt64Array(N);
  const rowTokens = new BigInt64Array(B * L);
  const tokenSlots = new BigInt64Array(N);
  const mask = new Float32Array(B * L * K).fill(MASKED);
  const maskSliding =
    slidingWindow === undefined ? undefined : new Float32Array(B * L * K).fill(MASKED);
  const targets = new BigInt64Array(T);
  const targetRows = new BigInt64Array(B * Q);
  const targetSlots = new BigInt64Array(T);
  const targetMask = new Float32Array(B * Q * K).fill(MASKED);

  let token = 0;
  let target = 0;
  for (let b = 0; b < B; b++) {
    const tree = trees[b]!;
    const skip = known[b]!;
    const trunk = tree.trunk.length - skip;
    const start = token;
    let slot = 0;
    const branchSlots: number[] = [];

    const place = (
      ids: readonly number[],
      from: number,
      firstPosition: number,
      branchStart: number,
    ): void => {
      for (let i = from; i < ids.length; i++, slot++, token++) {
        const position = firstPosition + i;
        inputIds[token] = BigInt(ids[i]!);
        positions[token] = BigInt(position);
        rowTokens[b * L + slot] = BigInt(token);
        tokenSlots[token] = BigInt(b * L + slot);
        const at = (b * L + slot) * K;
        mask.fill(0, at, at + skip);
        mask.fill(0, at + P, at + P + Math.min(trunk, slot + 1));
        mask.fill(0, at + P + branchStart, at + P + slot + 1);
        if (maskSliding) {
          // Positions run on from trunk to branch, slots may jump: keep keys nearer than the window.
          const oldest = position - slidingWindow! + 1;
          maskSliding.set(mask.subarray(at, at + K), at);
          maskSliding.fill(MASKED, at, at + Math.min(skip, Math.max(0, oldest)));
          const trunkOldest = Math.min(trunk, Math.max(0, oldest - skip));
          maskSliding.fill(MASKED, at + P, at + P + trunkOldest);
          const branchOldest = Math.max(0, oldest - tree.trunk.length);
          if (branchStart >= trunk && branchOldest > 0)
            maskSliding.fill(MASKED, at + P + branchStart, at + P + branchStart + branchOldest);
        }
      }
    };
    place(tree.trunk, skip, 0, 0);
    for (const branch of tree.branches) {
      branchSlots.push(slot);
      place(branch, 0, tree.trunk.length, slot);
    }
    // Padding slots read the row's first token and see themselves, so that softmax stays finite.
    for (let s = slot; s < L; s++) {
      rowTokens[b * L + s] = BigInt(Math.min(start, N - 1));
      mask[(b * L + s) * K + P + s] = 0;
      if (maskSliding) maskSliding[(b * L + s) * K + P + s] = 0;
    }
    for (let q = 0; q < Q; q++) {
      const wanted = tree.wanted[q];
      const wantedSlot = wanted
        ? wanted.branch < 0
          ? wanted.index - skip
          : branchSlots[wanted.branch]! + wanted.index - tree.trunk.length
        : 0;
      const row = (b * L + wantedSlot) * K;
      targetMask.set(
        (lastLayerSlides && maskSliding ? maskSliding : mask).subarray(row, row + K),
        (b * Q + q) * K,
      );
      targetRows[b * Q + q] = BigInt(wanted ? target : 0);
      if (wanted) {
        targets[target] = BigInt(start + wantedSlot);
        targetSlots[target++] = BigInt(b * Q + q);
      }
    }
  }
  return {
    tokens: N,
    rows: B,
    length: L,
    prefix: P,
    inputIds,
    positions,
    rowTokens,
    tokenSlots,
    mask,
    maskSliding,
    targets,
    targetRows,
    targetSlots,
    targetMask,
    queries: Q,
  };
}

function startsWith(ids: readonly number[], prefix: readonly number[]): boolean {
  // At least one token must remain to be run.
  return ids.length > prefix.length && prefix.every((id, i) => ids[i] === id);
}
