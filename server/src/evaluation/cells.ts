import type { Board, Contender } from './board.js';
import { cellMeans, numpyMean, type Entries } from './statistics/index.js';
import {
  tiesPrompt,
  tiesScore,
  TIES_PARTS,
  type TiesPrompt,
  type TiesSample,
} from './suites/rewardbench2.js';
import { STYLE_PARTS } from './suites/rm-bench.js';
import { suiteOf, type Cell, type PreferenceSuite, type Summary } from './suites/index.js';

type TiesPart = keyof typeof TIES_PARTS;
type StylePart = keyof typeof STYLE_PARTS;
const TIES = Object.keys(TIES_PARTS) as TiesPart[];
const STYLES = Object.keys(STYLE_PARTS) as StylePart[];

/** Where an entry's value comes from. */
type Source =
  | { readonly type: 'credit' }
  | { readonly type: 'style'; readonly part: StylePart }
  | { readonly type: 'ties'; readonly part: TiesPart };

/** What the items of one suite contribute to, cell by cell: the same for every row of the table. */
export class SuiteCells {
  readonly names: string[] = [];
  private readonly sources: Source[] = [];
  private readonly ids = new Map<string, number>();
  readonly entries: Entries;
  /** Item of an entry; prompt of an entry of Ties. */
  private readonly of: Uint32Array;
  readonly items: Uint32Array;
  /** Prompts of Ties, by the number in their ids. */
  private readonly prompts: number[];

  constructor(
    private readonly board: Board,
    readonly suite: PreferenceSuite,
  ) {
    const mine: number[] = [];
    for (let i = 0; i < board.length; i++) if (board.suite(i) === suite) mine.push(i);
    this.items = Uint32Array.from(mine);
    const cell: number[] = [];
    const cluster: number[] = [];
    const of: number[] = [];
    const add = (name: string, source: Source, group: number, what: number): void => {
      cell.push(this.cell(name, source));
      cluster.push(group);
      of.push(what);
    };
    const both = new Map<number, { cluster: number; ref?: number; tied?: number }>();
    for (const i of this.items) {
      const group = board.cluster.get(i);
      const ties = board.ties.get(i);
      if (ties !== undefined) {
        const old = both.get(ties.prompt) ?? { cluster: group };
        both.set(ties.prompt, { ...old, [ties.kind]: i });
        continue;
      }
      add(board.subsets[board.subset.get(i)]!.name, { type: 'credit' }, group, i);
      if (suite === 'rm-bench')
        for (const part of STYLES) add(`style.${part}`, { type: 'style', part }, group, i);
    }
    this.prompts = [...both.keys()].sort((a, b) => a - b);
    this.pairs = this.prompts.map((p) => both.get(p)!);
    for (const part of TIES)
      this.pairs.forEach(({ cluster: group, ref, tied }, p) => {
        // Whether a part is there does not hang on scores.
        const has = part === 'tied' ? tied : part === 'ref' ? ref : ref !== undefined && tied;
        if (has !== undefined && has !== false)
          add(`Ties.${part}`, { type: 'ties', part }, group, p);
      });
    this.of = Uint32Array.from(of);
    this.entries = layOut(cell, cluster, this.names.length);
  }

  private readonly pairs: readonly { cluster: number; ref?: number; tied?: number }[];

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
  values(contender: Contender, reading: number): Float64Array {
    const { cell, length } = this.entries;
    const ties: TiesPrompt[] = this.pairs.map(({ ref, tied }) => {
      const sample = (i: number | undefined): TiesSample | undefined =>
        i === undefined ? undefined : contender.ties.get(i)?.[reading];
      return tiesPrompt(sample(ref), sample(tied));
    });
    return Float64Array.from({ length }, (_, e) => {
      const source = this.sources[cell[e]!]!;
      const what = this.of[e]!;
      if (source.type === 'credit') return contender.credit[reading]!.get(what);
      if (source.type === 'style')
        return STYLE_PARTS[source.part](contender.styles[reading]!.get(what));
      return ties[what]![source.part] ?? 0;
    });
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

  /** Entries of a cell, where each is of a prompt of its own; else undefined: then a sign test would not hold. */
  independent(name: string): number[] | undefined {
    const c = this.ids.get(name);
    if (c === undefined || this.sources[c]!.type !== 'credit') return undefined;
    const out: number[] = [];
    const seen = new Set<number>();
    for (let e = 0; e < this.entries.length; e++) {
      if (this.entries.cell[e] !== c) continue;
      const cluster = this.entries.cluster[e]!;
      if (seen.has(cluster)) return undefined;
      seen.add(cluster);
      out.push(e);
    }
    return out;
  }
}

function countOf({ cell, length, cells }: Entries): number[] {
  const counts = new Array<number>(cells).fill(0);
  for (let e = 0; e < length; e++) counts[cell[e]!]!++;
  return counts;
}

/** Clusters numbered anew, in strata by the cell of their first entry: subsets keep their sizes. */
function layOut(cell: readonly number[], cluster: readonly number[], cells: number): Entries {
  const ids = new Map<number, number>();
  const strata = new Map<number, number[]>();
  const own = Uint32Array.from(cluster, (group, e) => {
    let id = ids.get(group);
    if (id === undefined) {
      ids.set(group, (id = ids.size));
      const first = strata.get(cell[e]!);
      if (first === undefined) strata.set(cell[e]!, [id]);
      else first.push(id);
    }
    return id;
  });
  return {
    cell: Uint32Array.from(cell),
    cluster: own,
    length: cell.length,
    cells,
    strata: [...strata.values()].map((members) => Uint32Array.from(members)),
    clusters: ids.size,
  };
}
