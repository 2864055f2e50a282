import { compareOptions, type EvaluateOptions } from './options.js';
import { suiteResult, type CompareOptions } from './comparison/compare.js';
import { ratedFigures, type RatedBoard, type RatedScores } from './rated-board.js';
import type {
  Estimate,
  EvaluationResult,
  RatedAttribute,
  RatedResult,
  SuiteResult,
} from '../protocol/index.js';
import type { Evaluation } from './run.js';
import { drawEach, interval, StepPacer, RankPair, seeded } from './statistics/index.js';
import { SUITES, type PreferenceSuite } from './suites/index.js';

/** The figures of all that was run, with intervals and comparisons. */
export async function resultOf(
  evaluation: Evaluation,
  options: EvaluateOptions,
): Promise<EvaluationResult> {
  const o = compareOptions(options);
  const { board, contenders } = evaluation;
  const present = new Set(board.subsets.map(({ suite }) => suite));
  const suites: SuiteResult[] = [];
  let { replicates } = o;
  for (const suite of SUITES) {
    if (!present.has(suite as PreferenceSuite)) continue;
    const found = await suiteResult(board, contenders, suite as PreferenceSuite, o);
    replicates = Math.min(replicates, found.replicates);
    suites.push(found);
  }
  const rated: RatedResult[] = [];
  for (const { name, scores } of evaluation.ratedBy)
    rated.push(await ratedResult(name, evaluation.rated, scores, o));
  const files = evaluation.sources.map(({ path }) => path);
  return { files, suites, rated, settings: { replicates, seed: o.seed, level: o.level } };
}

const RANK_REPLICATES = 200;

async function ratedResult(
  name: string,
  board: RatedBoard,
  scores: RatedScores,
  o: CompareOptions,
): Promise<RatedResult> {
  const attributes: RatedAttribute[] = [];
  for (const { disagreement: d, ...figures } of ratedFigures(board, scores)) {
    const of = (signal: 'width' | 'point'): Promise<Estimate> =>
      ranked(signal, d![signal], d!.samples[signal], d!.samples.variance, {
        ...o,
        progress: (_, share) => o.progress?.(`${figures.attribute}: raters' disagreement`, share),
      });
    attributes.push({
      ...figures,
      ...(d && {
        disagreement: {
          responses: d.responses,
          width: await of('width'),
          point: await of('point'),
        },
      }),
    });
  }
  return { name, attributes };
}

/** A rank correlation with its interval over responses drawn again. */
async function ranked(
  name: string,
  value: number,
  x: Float64Array,
  y: Float64Array,
  { seed, level, tick, progress }: CompareOptions,
): Promise<Estimate> {
  if (x.some(Number.isNaN)) return { name, value: NaN, low: NaN, high: NaN };
  const pace = new StepPacer(tick);
  const random = seeded(seed);
  const pair = await RankPair.of(x, y, pace);
  const weight = new Uint8Array(x.length);
  const draws = new Float64Array(RANK_REPLICATES);
  for (let b = 0; b < RANK_REPLICATES; b++) {
    await drawEach(x.length, weight, random, pace);
    draws[b] = pair.spearman(weight);
    progress?.('', (b + 1) / RANK_REPLICATES);
    if (pace.due(16 * x.length)) await pace.rest();
  }
  const [low, high] = interval(draws, level);
  return { name, value, low, high };
}
