import { Kinds } from './kinds.js';
import { StepPacer } from './step-pacer.js';

/**
 * Shares that items contribute to, as flat arrays: entry e adds its value to the sum of cell `cell[e]` and one to
 * its count. Entries of one cluster (one prompt) are resampled together.
 */
export interface Entries {
  readonly cell: ArrayLike<number>;
  readonly cluster: ArrayLike<number>;
  readonly length: number;
  readonly cells: number;
  /** Clusters by stratum: each replicate draws as many of a stratum as it has. */
  readonly strata: readonly ArrayLike<number>[];
  readonly clusters: number;
}

/** Values of all entries in a row of the table; asked for twice. */
export type RowValues = (row: number) => ArrayLike<number> | Promise<ArrayLike<number>>;

/**
 * What clusters add to the cells under every row of the table. Clusters that add the same are one kind and are kept
 * once, with their number: resampling them needs no more, and of a million pairs there are often a few hundred kinds.
 */
export class Contents {
  /** Clusters of each kind, [kinds]; kinds of one stratum stand together. */
  readonly size: Uint32Array;
  /** Each stratum: the kind of every cluster in it, and the range of these kinds. */
  readonly strata: readonly { readonly kinds: Uint32Array; readonly range: [number, number] }[];
  /** What kind k adds: parts from start[k] to start[k + 1], each of one cell. */
  readonly start: Uint32Array;
  readonly cell: Uint32Array;
  /** Entries of a part, [parts]. */
  readonly count: Uint32Array;
  /** Sums of their values, [parts, rows]. */
  readonly sum: Float64Array;
  private byCell: Uint32Array[] | undefined;

  private constructor(
    readonly rows: number,
    readonly cells: number,
    blocks: Blocks,
    /** A cluster of each kind. */
    readonly first: Uint32Array,
    strata: Contents['strata'],
    size: Uint32Array,
  ) {
    this.strata = strata;
    this.size = size;
    this.start = new Uint32Array(first.length + 1);
    first.forEach((c, k) => {
      this.start[k + 1] = this.start[k]! + blocks.start[c + 1]! - blocks.start[c]!;
    });
    const parts = this.start[first.length]!;
    this.cell = new Uint32Array(parts);
    this.count = new Uint32Array(parts);
    this.sum = new Float64Array(parts * rows);
  }

  get kinds(): number {
    return this.size.length;
  }

  /** Clusters in all. */
  get clusters(): number {
    return this.strata.reduce((n, { kinds }) => n + kinds.length, 0);
  }

  static async of(
    entries: Entries,
    rows: number,
    values: RowValues,
    pace = new StepPacer(),
  ): Promise<Contents> {
    const blocks = await blocksOf(entries, pace);
    const { strata, clusters, cells } = entries;
    const begin = new Uint32Array(clusters);
    strata.forEach((members, s) => {
      for (let i = 0; i < members.length; i++) begin[members[i]!] = s;
    });
    const found = new Kinds(blocks, begin, strata.length);
    await found.refine((at) => blocks.cell[at]! + blocks.count[at]! * cells, pace);
    const sum = new Float64Array(blocks.cell.length);
    const sums = async (r: number): Promise<void> => {
      const of = await values(r);
      sum.fill(0);
      for (let e = 0; e < entries.length; e++) {
        sum[blocks.of[e]!]! += of[e]!;
        if (pace.due(1)) await pace.rest();
      }
    };
    for (let r = 0; r < rows; r++) {
      await sums(r);
      await found.refine((at) => sum[at]!, pace);
    }
    const contents = Contents.arranged(rows, entries, blocks, found.kind);
    for (let k = 0; k < contents.kinds; k++)
      contents.parts(k, blocks, (part, at) => {
        contents.cell[part] = blocks.cell[at]!;
        contents.count[part] = blocks.count[at]!;
      });
    for (let r = 0; r < rows; r++) {
      await sums(r);
      for (let k = 0; k < contents.kinds; k++) {
        contents.parts(k, blocks, (part, at) => (contents.sum[part * rows + r] = sum[at]!));
        if (pace.due(4)) await pace.rest();
      }
    }
    return contents;
  }

  /** Each part of a kind, with where it stands in the kind's first cluster. */
  private parts(k: number, blocks: Blocks, take: (part: number, at: number) => void): void {
    const shift = blocks.start[this.first[k]!]! - this.start[k]!;
    for (let p = this.start[k]!; p < this.start[k + 1]!; p++) take(p, p + shift);
  }

  /**
   * Of a cell whose entries are right (1) or wrong (0) and each of a cluster of its own: how many only row `a` has
   * right, and how many only row `b`. Undefined of any other: a sign test would not hold.
   */
  onlyOne(cell: number, a: number, b: number): [number, number] | undefined {
    this.byCell ??= this.partsByCell();
    const { rows, sum, count } = this;
    let [first, second] = [0, 0];
    const list = this.byCell[cell]!;
    for (let n = 0; n < list.length; n += 2) {
      const p = list[n]!;
      const size = this.size[list[n + 1]!]!;
      const [x, y] = [sum[p * rows + a]!, sum[p * rows + b]!];
      if (count[p] !== 1 || (x !== 0 && x !== 1) || (y !== 0 && y !== 1)) return undefined;
      if (x > y) first += size;
      else if (y > x) second += size;
    }
    return [first, second];
  }

  /** Of each cell its parts, each followed by its kind. */
  private partsByCell(): Uint32Array[] {
    const counts = new Uint32Array(this.cells);
    for (const c of this.cell) counts[c]!++;
    const out = Array.from(counts, (n) => new Uint32Array(2 * n));
    counts.fill(0);
    for (let k = 0; k < this.kinds; k++)
      for (let p = this.start[k]!; p < this.start[k + 1]!; p++) {
        const c = this.cell[p]!;
        const n = counts[c]!++;
        out[c]![2 * n] = p;
        out[c]![2 * n + 1] = k;
      }
    return out;
  }

  /** Kinds in the order of strata, of each a cluster and its number. */
  private static arranged(
    rows: number,
    { strata, cells, clusters }: Entries,
    blocks: Blocks,
    kind: Uint32Array,
  ): Contents {
    const number = new Uint32Array(clusters);
    const first: number[] = [];
    const size: number[] = [];
    const own = strata.map((members) => {
      const from = first.length;
      const kinds = Uint32Array.from({ length: members.length }, (_, i) => {
        const old = kind[members[i]!]!;
        if (number[old] === 0) {
          number[old] = first.push(members[i]!);
          size.push(0);
        }
        const k = number[old]! - 1;
        size[k]!++;
        return k;
      });
      return { kinds, range: [from, first.length] as [number, number] };
    });
    return new Contents(rows, cells, blocks, Uint32Array.from(first), own, Uint32Array.from(size));
  }
}

/** Entries of one cluster and one cell, together. */
interface Blocks {
  readonly start: Uint32Array;
  readonly clusters: number;
  readonly cell: Uint32Array;
  readonly count: Uint32Array;
  /** Block of each entry. */
  readonly of: Uint32Array;
}

async function blocksOf(
  { cell, cluster, length, cells, clusters }: Entries,
  pace: StepPacer,
): Promise<Blocks> {
  const from = new Uint32Array(clusters + 1);
  for (let e = 0; e < length; e++) from[cluster[e]! + 1]!++;
  for (let c = 0; c < clusters; c++) from[c + 1]! += from[c]!;
  const order = new Uint32Array(length);
  const next = from.slice();
  for (let e = 0; e < length; e++) {
    order[next[cluster[e]!]!++] = e;
    if (pace.due(2)) await pace.rest();
  }
  const of = new Uint32Array(length);
  const start = new Uint32Array(clusters + 1);
  const cellOf = new Uint32Array(length);
  const count = new Uint32Array(length);
  const seen = new Int32Array(cells).fill(-1);
  const at = new Uint32Array(cells);
  let n = 0;
  for (let c = 0; c < clusters; c++) {
    start[c] = n;
    for (let i = from[c]!; i < from[c + 1]!; i++) {
      const e = order[i]!;
      const own = cell[e]!;
      if (seen[own] !== c) {
        seen[own] = c;
        at[own] = n;
        cellOf[n++] = own;
      }
      of[e] = at[own]!;
      count[at[own]!]!++;
      if (pace.due(2)) await pace.rest();
    }
  }
  start[clusters] = n;
  return { start, clusters, of, cell: cellOf.slice(0, n), count: count.slice(0, n) };
}
