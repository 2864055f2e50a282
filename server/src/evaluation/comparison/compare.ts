import type { Board, Contender } from '../board.js';
import { SuiteCells } from './cells.js';
import { abstentions } from './abstention.js';
import { lengthClasses, reliabilityOf } from './decisions.js';
import { judged } from './verdicts.js';
import {
  count,
  type Comparison,
  type Difference,
  type Estimate,
  type RowResult,
  type SuiteResult,
} from '../../protocol/index.js';
import {
  bootstrap,
  bootstrapP,
  Contents,
  interval,
  mcnemar,
  StepPacer,
  replicateSteps,
} from '../statistics/index.js';
import { suiteOf, type PreferenceSuite } from '../suites/index.js';

export interface CompareOptions {
  readonly replicates: number;
  readonly seed: number;
  readonly level: number;
  readonly tick?: () => Promise<void>;
  /** What is being resampled, in words, and the share of it that is done. */
  readonly progress?: (stage: string, share: number) => void;
}

/** Steps in all: more replicates than this allows are not drawn. Some seconds of one core. */
const WORK = 4e9;
const LEAST = 200;

/** The figures of one suite, all rows on the same draws. */
export async function suiteResult(
  board: Board,
  contenders: readonly Contender[],
  suite: PreferenceSuite,
  o: CompareOptions,
): Promise<SuiteResult & { replicates: number }> {
  const pace = new StepPacer(o.tick);
  const { title } = suiteOf(suite);
  const cells = await SuiteCells.of(board, suite, pace);
  const rows = contenders.flatMap((contender, c) =>
    contender.readings.map((_, reading) => ({ c, reading })),
  );
  const valuesOf = (r: number): Promise<Float64Array> =>
    cells.values(contenders[rows[r]!.c]!, rows[r]!.reading);
  const points: Point[] = [];
  for (const r of rows.keys()) points.push(cells.summary(cells.means(await valuesOf(r))));
  const names = namesOf(points[0]!);
  const contents = await Contents.of(cells.entries, rows.length, valuesOf, pace);
  const affordable = Math.floor(WORK / Math.max(1, replicateSteps(contents)));
  const replicates = Math.min(o.replicates, Math.max(LEAST, affordable));
  // [row][figure][replicate]
  const figures = rows.map(() => names.map(() => new Float64Array(replicates)));
  const progress = (share: number): void => o.progress?.(`${title}: intervals`, share);
  await bootstrap(contents, { ...o, replicates, progress }, (b, means) =>
    means.forEach((m, r) =>
      figuresOf(cells.summary(m)).forEach((v, f) => (figures[r]![f]![b] = v)),
    ),
  );
  const sections = points[0]!.summary.sections.length;
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
    // A figure that is no subset may have the name of one.
    const cell = f < 2 + sections ? undefined : cells.credits(names[f]!);
    const split = cell === undefined ? undefined : contents.onlyOne(cell, a, b);
    return split === undefined
      ? { value, low, high, p: bootstrapP(draws), test: 'paired bootstrap' }
      : { value, low, high, p: mcnemar(...split), test: 'McNemar' };
  };
  const mains = rows.flatMap(({ reading }, r) => (reading === 0 ? [r] : []));
  const results: RowResult[] = [];
  for (const r of mains) {
    const contender = contenders[rows[r]!.c]!;
    const point = points[r]!;
    const others = rows.flatMap(({ c }, n) => (c === rows[r]!.c && n !== r ? [n] : []));
    const tests = judged(
      others.map((n) => difference(n, r, 1)),
      o.level,
    );
    const abstention = await abstentions(board, cells.items, contender, {
      ...o,
      progress: (share) => o.progress?.(`${title}: ${contender.name}, pairs left open`, share),
    });
    results.push({
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
      abstention,
      ...(contender.judge && { judge: contender.judge }),
      wrong: contender.wrong.of(suite),
    });
  }
  const comparisons = compareRows(mains, rows.map(({ c }) => contenders[c]!.name), names, points[0]!.summary, sections, difference, o.level); // prettier-ignore
  const open = Math.min(
    ...results.flatMap((r) => r.abstention.flatMap((a) => a.versusMargin?.replicates ?? [])),
  );
  return {
    suite,
    title,
    items: cells.items.length,
    prompts: cells.clusters,
    rows: results,
    comparisons,
    notes: [
      ...points[0]!.summary.notes,
      ...fewer('intervals', o.replicates, replicates),
      ...fewer('pairs left open', o.replicates, open),
    ],
    replicates,
  };
}

/** Said where not all replicates were drawn. */
const fewer = (what: string, wanted: number, drawn: number): string[] =>
  drawn < wanted
    ? [`${what}: ${count(drawn)} resamples in place of ${count(wanted)}, for intervals of so many items are narrow and more would take long`] // prettier-ignore
    : [];

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
