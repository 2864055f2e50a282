import type { Board, Contender } from './board.js';
import { SuiteCells } from './cells.js';
import { abstentions, lengthClasses, reliabilityOf } from './decisions.js';
import type {
  Comparison,
  Difference,
  Estimate,
  RowResult,
  SuiteResult,
} from '../protocol/index.js';
import { bootstrap, bootstrapP, holm, interval, mcnemar } from './statistics/index.js';
import { suiteOf, type PreferenceSuite } from './suites/index.js';

export interface CompareOptions {
  readonly replicates: number;
  readonly seed: number;
  readonly level: number;
  readonly tick?: () => Promise<void>;
}

/** Values summed in all: more replicates than this allows are not drawn. */
const WORK = 2e9;
const LEAST = 200;

/** The figures of one suite, all rows on the same draws. */
export async function suiteResult(
  board: Board,
  contenders: readonly Contender[],
  suite: PreferenceSuite,
  o: CompareOptions,
): Promise<SuiteResult & { replicates: number }> {
  const cells = new SuiteCells(board, suite);
  const rows = contenders.flatMap((contender, c) =>
    contender.readings.map((_, reading) => ({
      c,
      reading,
      values: cells.values(contender, reading),
    })),
  );
  const points = rows.map(({ values }) => cells.summary(cells.means(values)));
  const names = namesOf(points[0]!);
  const { entries } = cells;
  const affordable = Math.floor(WORK / Math.max(1, entries.length * rows.length));
  const replicates = Math.min(o.replicates, Math.max(LEAST, affordable));
  const drawn = await bootstrap(entries, rows.length, (r, e) => rows[r]!.values[e]!, { ...o, replicates }); // prettier-ignore
  // [row][figure][replicate]
  const figures = rows.map(() => names.map(() => new Float64Array(replicates)));
  drawn.forEach((means, b) =>
    means.forEach((m, r) =>
      figuresOf(cells.summary(m)).forEach((v, f) => (figures[r]![f]![b] = v)),
    ),
  );
  const estimate = (r: number, f: number): Estimate => {
    const [low, high] = interval(figures[r]![f]!, o.level);
    return { name: names[f]!, value: figuresOf(points[r]!)[f]!, low, high };
  };
  const difference = (
    a: number,
    b: number,
    f: number,
  ): Omit<Difference, 'adjusted' | 'verdict'> => {
    const draws = figures[a]![f]!.map((x, n) => x - figures[b]![f]![n]!);
    const [low, high] = interval(draws, o.level);
    const value = figuresOf(points[a]!)[f]! - figuresOf(points[b]!)[f]!;
    const [first, second] = [rows[a]!.values, rows[b]!.values];
    const exact = cells.independent(names[f]!);
    const binary = exact?.every((e) => (first[e]! === 0 || first[e]! === 1) && (second[e]! === 0 || second[e]! === 1)); // prettier-ignore
    if (exact === undefined || binary !== true)
      return { value, low, high, p: sure(draws), test: 'paired bootstrap' };
    const [only, other] = [first, second].map((x, n) => exact.filter((e) => x[e]! > [second, first][n]![e]!).length); // prettier-ignore
    return { value, low, high, p: mcnemar(only!, other!), test: 'McNemar' };
  };
  const mains = rows.flatMap(({ reading }, r) => (reading === 0 ? [r] : []));
  const sections = points[0]!.summary.sections.length;
  const results = mains.map((r): RowResult => {
    const contender = contenders[rows[r]!.c]!;
    const point = points[r]!;
    const others = rows.flatMap(({ c }, n) => (c === rows[r]!.c && n !== r ? [n] : []));
    const tests = judged(
      others.map((n) => difference(n, r, 1)),
      o.level,
    );
    return {
      name: contender.name,
      kind: contender.kind,
      total: estimate(r, 0),
      accuracy: estimate(r, 1),
      sections: point.summary.sections.map((_, s) => estimate(r, 2 + s)),
      subsets: [...point.subsets.keys()].map((name, s) => ({
        ...estimate(r, 2 + sections + s),
        items: cells.count(name),
      })),
      ...countsOf(cells, contender),
      truncated: contender.truncated,
      reasons: Object.fromEntries(contender.reasons),
      length: lengthClasses(board, cells.items, contender),
      reliability: reliabilityOf(cells.items, contender),
      readings: others.map((n, k) => ({
        name: contender.readings[rows[n]!.reading]!.name,
        accuracy: points[n]!.accuracy,
        difference: tests[k]!,
      })),
      abstention: abstentions(board, cells.items, contender, o),
      ...(contender.judge && { judge: contender.judge }),
      wrong: contender.wrong.of(suite),
    };
  });
  const comparisons = compareRows(mains, rows.map(({ c }) => contenders[c]!.name), names, points[0]!.summary, sections, difference, o.level); // prettier-ignore
  return {
    suite,
    title: suiteOf(suite).title,
    items: cells.items.length,
    prompts: cells.clusters,
    rows: results,
    comparisons,
    notes: points[0]!.summary.notes,
    replicates,
  };
}

/** A difference that is 0 in every replicate is none. */
const sure = (draws: Float64Array): number => (draws.every((d) => d === 0) ? 1 : bootstrapP(draws));

type Point = ReturnType<SuiteCells['summary']>;
const namesOf = ({ summary, subsets }: Point): string[] => [
  summary.total.name,
  'All items',
  ...summary.sections.map(({ name }) => name),
  ...subsets.keys(),
];
const figuresOf = ({ summary, accuracy, subsets }: Point): number[] => [
  summary.total.value,
  accuracy,
  ...summary.sections.map(({ value }) => value),
  ...subsets.values(),
];

function judged(tests: readonly Omit<Difference, 'adjusted' | 'verdict'>[], level: number) {
  const adjusted = holm(tests.map(({ p }) => p));
  return tests.map((test, i): Difference => {
    const sign = adjusted[i]! < 1 - level;
    const verdict = !sign ? 'no difference' : test.value > 0 ? 'better' : 'worse';
    return { ...test, adjusted: adjusted[i]!, verdict };
  });
}

/** Every two rows: by their total (Holm over the pairs of rows) and by subset (Holm over the subsets). */
function compareRows(
  mains: readonly number[],
  names: readonly string[],
  figures: readonly string[],
  { total }: Point['summary'],
  sections: number,
  difference: (a: number, b: number, f: number) => Omit<Difference, 'adjusted' | 'verdict'>,
  level: number,
): Comparison[] {
  const pairs = mains.flatMap((a, n) => mains.slice(n + 1).map((b) => [a, b] as const));
  const whole = Number.isNaN(total.value) ? 1 : 0;
  const totals = judged(
    pairs.map(([a, b]) => difference(a, b, whole)),
    level,
  );
  const subsets = figures.map((_, f) => f).slice(2 + sections);
  return pairs.flatMap(([a, b], n) => {
    const of = { first: names[a]!, second: names[b]! };
    const parts =
      subsets.length < 2
        ? []
        : judged(
            subsets.map((f) => difference(a, b, f)),
            level,
          );
    return [
      { ...of, scope: figures[whole]!, difference: totals[n]! },
      ...parts.map((d, s) => ({ ...of, scope: figures[subsets[s]!]!, difference: d })),
    ];
  });
}

function countsOf(cells: SuiteCells, contender: Contender): { unscored: number; tied: number } {
  let [unscored, tied] = [0, 0];
  for (const i of cells.items) {
    const margin = contender.margin.get(i);
    if (Number.isNaN(margin)) unscored++;
    else if (margin === 0) tied++;
  }
  return { unscored, tied };
}
