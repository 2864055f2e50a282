/** Some queries of a row: slots [from, to), which see keys of slots [0, to). */
export interface Tile {
  readonly row: number;
  readonly from: number;
  readonly to: number;
}

/** Queries of a tile: fewer waste less of the causal square, more make better matrix products. */
const TILE = 64;

/** Cuts rows of the given lengths into tiles of about equal size. */
export function cutTiles(lengths: readonly number[]): Tile[] {
  return lengths.flatMap((length, row) => {
    const count = Math.max(1, Math.ceil(length / TILE));
    const size = Math.ceil(length / count);
    const tiles: Tile[] = [];
    for (let from = 0; from < length; from += size) {
      tiles.push({ row, from, to: Math.min(length, from + size) });
    }
    return tiles;
  });
}

/** Tiles beyond this many are grouped by equal counts: the exact search is quadratic. */
const EXACT = 256;

/**
 * Divides tiles into `groups` groups, each padded to its longest queries and keys, such that the padded
 * squares are smallest in sum. Groups may be empty.
 */
export function groupTiles(tiles: readonly Tile[], groups: number): Tile[][] {
  const sorted = [...tiles].sort((a, b) => a.to - b.to);
  const n = sorted.length;
  const cuts =
    n > EXACT
      ? Array.from({ length: groups - 1 }, (_, g) => Math.floor((n * (g + 1)) / groups))
      : bestCuts(sorted, groups);
  const edges = [0, ...cuts, n];
  return Array.from({ length: groups }, (_, g) => sorted.slice(edges[g]!, edges[g + 1]!));
}

/** Dynamic programme over the sorted tiles: cost[g][i] of the first i tiles in g groups. */
function bestCuts(sorted: readonly Tile[], groups: number): number[] {
  const n = sorted.length;
  let cost = [0, ...Array.from({ length: n }, () => Infinity)];
  const from: number[][] = [];
  for (let g = 0; g < groups; g++) {
    // A group may stay empty.
    const next = [...cost];
    const choice = Array.from({ length: n + 1 }, (_, i) => i);
    for (let i = 1; i <= n; i++) {
      const keys = sorted[i - 1]!.to;
      let queries = 0;
      for (let j = i - 1; j >= 0; j--) {
        queries = Math.max(queries, sorted[j]!.to - sorted[j]!.from);
        const total = cost[j]! + (i - j) * queries * keys;
        if (total < next[i]!) {
          next[i] = total;
          choice[i] = j;
        }
      }
    }
    from.push(choice);
    cost = next;
  }
  const cuts: number[] = [];
  let i = n;
  for (let g = groups - 1; g > 0; g--) cuts.unshift((i = from[g]![i]!));
  return cuts;
}
