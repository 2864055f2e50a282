import type { Board, Contender } from '../board.js';
import { cellMeans, numpyMean, type Entries, type StepPacer } from '../statistics/index.js';
import {
  tiesPrompt,
  tiesScore,
  TIES_PARTS,
  type TiesPrompt,
  type TiesSample,
} from '../suites/rewardbench2.js';
import { STYLE_PARTS } from '../suites/rm-bench.js';
import { suiteOf, type Cell, type PreferenceSuite, type Summary } from '../suites/index.js';

type TiesPart = keyof typeof TIES_PARTS;
type StylePart = keyof typeof STYLE_PARTS;
const TIES = Object.keys(TIES_PARTS) as TiesPart[];
const STYLES = Object.keys(STYLE_PARTS) as StylePart[];

/** Where an entry's value comes from. */
type Source =
  | { readonly type: 'credit' }
  | { readonly type: 'style'; readonly part: StylePart }
  | { readonly type: 'ties'; readonly part: TiesPart };

/** Both samples of one prompt of Ties. */
interface TiesPair {
  readonly cluster: number;
  readonly ref?: number;
  readonly tied?: number;
}

/** What the items of one suite contribute to, cell by cell: the same for every row of the table. */
export class SuiteCells {
  readonly names: string[] = [];
  private readonly sources: Source[] = [];
  private readonly ids = new Map<string, number>();
  entries!: Entries;
  /** Item of an entry; prompt of an entry of Ties. */
  private what!: Uint32Array;
  private pairs: readonly TiesPair[] = [];

  private constructor(
    private readonly board: Board,
    readonly suite: PreferenceSuite,
    readonly items: Uint32Array,
    private readonly pace: StepPacer,
  ) {}

  static async of(board: Board, suite: PreferenceSuite, pace: StepPacer): Promise<SuiteCells> {
    const subsets = board.subsets.map((s) => (s.suite === suite ? s.items : 0));
    const items = new Uint32Array(subsets.reduce((a, b) => a + b, 0));
    let n = 0;
    for (let i = 0; i < board.length; i++) {
      if (subsets[board.subset.get(i)]! > 0) items[n++] = i;
      if (pace.due(4)) await pace.rest();
    }
    const cells = new SuiteCells(board, suite, items, pace);
    await cells.fill();
    return cells;
  }

  private async fill(): Promise<void> {
    const { board, suite, items, pace } = this;
    const both = new Map<number, TiesPair>();
    const each = suite === 'rm-bench' ? 1 + STYLES.length : 1;
    // No prompt of Ties has more parts than there are, and two samples.
    const most = items.length * (suite === 'rewardbench-2' ? TIES.length : each);
    const [cell, cluster, what] = [0, 1, 2].map(() => new Uint32Array(most)) as [Uint32Array, Uint32Array, Uint32Array]; // prettier-ignore
    let length = 0;
    const add = (id: number, group: number, of: number): void => {
      cell[length] = id;
      cluster[length] = group;
      what[length++] = of;
    };
    const ofSubset = new Map<number, number>();
    for (const i of items) {
      const group = board.cluster.get(i);
      const ties = board.ties.get(i);
      if (pace.due(16)) await pace.rest();
      if (ties !== undefined) {
        const old = both.get(ties.prompt) ?? { cluster: group };
        both.set(ties.prompt, { ...old, [ties.kind]: i });
        continue;
      }
      const subset = board.subset.get(i);
      let id = ofSubset.get(subset);
      if (id === undefined)
        ofSubset.set(subset, (id = this.cell(board.subsets[subset]!.name, { type: 'credit' })));
      add(id, group, i);
      if (suite === 'rm-bench')
        for (const part of STYLES)
          add(this.cell(`style.${part}`, { type: 'style', part }), group, i);
    }
    this.pairs = [...both].sort(([a], [b]) => a - b).map(([, pair]) => pair);
    for (const part of TIES)
      this.pairs.forEach(({ cluster: group, ref, tied }, p) => {
        // Whether a part is there does not hang on scores.
        const has = part === 'tied' ? tied : part === 'ref' ? ref : ref !== undefined && tied;
        if (has !== undefined && has !== false)
          add(this.cell(`Ties.${part}`, { type: 'ties', part }), group, p);
      });
    this.what = what.subarray(0, length);
    this.entries = await layOut(cell.subarray(0, length), cluster.subarray(0, length), this.names.length, board.clusters, pace); // prettier-ignore
  }

  private cell(name: string, source: Source): number {
    let id = this.ids.get(name);
    if (id === undefined) {
      id = this.names.push(name) - 1;
      this.sources.push(source);
      this.ids.set(name, id);
    }
    return id;
  }

  get clusters(): number {
    return this.entries.clusters;
  }

  /** Values of all entries of a row under a reading. */
  async values(contender: Contender, reading: number): Promise<Float64Array> {
    const { cell, length } = this.entries;
    const ties: TiesPrompt[] = this.pairs.map(({ ref, tied }) => {
      const sample = (i: number | undefined): TiesSample | undefined =>
        i === undefined ? undefined : contender.ties.get(i)?.[reading];
      return tiesPrompt(sample(ref), sample(tied));
    });
    const out = new Float64Array(length);
    const [credit, styles] = [contender.credit[reading]!, contender.styles[reading]!];
    for (let e = 0; e < length; e++) {
      const source = this.sources[cell[e]!]!;
      const what = this.what[e]!;
      if (source.type === 'credit') out[e] = credit.get(what);
      else if (source.type === 'style') out[e] = STYLE_PARTS[source.part](styles.get(what));
      else out[e] = ties[what]![source.part] ?? 0;
      if (this.pace.due(4)) await this.pace.rest();
    }
    return out;
  }

  /** Means of the cells, exactly as the reference takes them. */
  means(values: Float64Array): Float64Array {
    const means = cellMeans(this.entries, (e) => values[e]!);
    this.sources.forEach((source, c) => {
      if (source.type === 'ties')
        means[c] = numpyMean(values.filter((_, e) => this.entries.cell[e] === c));
    });
    return means;
  }

  /** Figures of the suite by the means of its cells. @param counted entries of each cell */
  summary(means: ArrayLike<number>): {
    summary: Summary;
    accuracy: number;
    subsets: Map<string, number>;
  } {
    const cells = new Map<string, Cell>();
    let [right, count] = [0, 0];
    this.names.forEach((name, c) => {
      const source = this.sources[c]!;
      if (source.type === 'ties') return;
      cells.set(name, { name, mean: means[c]!, count: this.counts[c]! });
      if (source.type !== 'credit' || Number.isNaN(means[c]!)) return;
      right += means[c]! * this.counts[c]!;
      count += this.counts[c]!;
    });
    if (this.pairs.length > 0) {
      const mean = tiesScore((part) => {
        const id = this.ids.get(`Ties.${part}`);
        return id === undefined ? undefined : means[id];
      });
      cells.set('Ties', { name: 'Ties', mean, count: this.pairs.length });
    }
    const subsets = new Map<string, number>();
    for (const [name, { mean }] of cells) if (!name.startsWith('style.')) subsets.set(name, mean);
    return {
      summary: suiteOf(this.suite).summary(cells),
      accuracy: count > 0 ? right / count : (cells.get('Ties')?.mean ?? Number.NaN),
      subsets,
    };
  }

  private get counts(): number[] {
    return (this.counted ??= countOf(this.entries));
  }
  private counted: number[] | undefined;

  /** Items of a subset. */
  count(subset: string): number {
    const { board } = this;
    return board.subsets.find((s) => s.suite === this.suite && s.name === subset)?.items ?? 0;
  }

  /** The cell of a subset that is a plain mean of its items' credits. */
  credits(subset: string): number | undefined {
    const c = this.ids.get(subset);
    return c !== undefined && this.sources[c]!.type === 'credit' ? c : undefined;
  }
}

function countOf({ cell, length, cells }: Entries): number[] {
  const counts = new Array<number>(cells).fill(0);
  for (let e = 0; e < length; e++) counts[cell[e]!]!++;
  return counts;
}

/** Clusters numbered anew, in strata by the cell of their first entry: subsets keep their sizes. */
async function layOut(
  cell: Uint32Array,
  cluster: Uint32Array,
  cells: number,
  most: number,
  pace: StepPacer,
): Promise<Entries> {
  // Number + 1 of a cluster; 0 where it has none yet.
  const ids = new Uint32Array(most);
  const stratum = new Uint32Array(most);
  const order = new Map<number, number>();
  let clusters = 0;
  for (let e = 0; e < cell.length; e++) {
    const group = cluster[e]!;
    if (ids[group] === 0) {
      let s = order.get(cell[e]!);
      if (s === undefined) order.set(cell[e]!, (s = order.size));
      stratum[clusters] = s;
      ids[group] = ++clusters;
    }
    cluster[e] = ids[group]! - 1;
    if (pace.due(4)) await pace.rest();
  }
  const sizes = new Uint32Array(order.size);
  for (let c = 0; c < clusters; c++) sizes[stratum[c]!]!++;
  const strata = Array.from(sizes, (n) => new Uint32Array(n));
  sizes.fill(0);
  for (let c = 0; c < clusters; c++) strata[stratum[c]!]![sizes[stratum[c]!]!++] = c;
  return { cell, cluster, length: cell.length, cells, strata, clusters };
}
