import { compareOptions, type EvaluateOptions } from './options.js';
import { suiteResult } from './compare.js';
import { ratedFigures, type RatedBoard, type RatedScores } from './rated-board.js';
import type { Estimate, EvaluationResult, RatedResult, SuiteResult } from '../protocol/index.js';
import type { Evaluation } from './run.js';
import { interval, seeded, spearman } from './statistics/index.js';
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
  const rated = evaluation.ratedBy.map(({ name, scores }) =>
    ratedResult(name, evaluation.rated, scores, o.seed, o.level),
  );
  const files = evaluation.sources.map(({ path }) => path);
  return { files, suites, rated, settings: { replicates, seed: o.seed, level: o.level } };
}

const RANK_REPLICATES = 200;

function ratedResult(
  name: string,
  board: RatedBoard,
  scores: RatedScores,
  seed: number,
  level: number,
): RatedResult {
  return {
    name,
    attributes: ratedFigures(board, scores).map(({ disagreement: d, ...figures }) => {
      if (d === undefined) return figures;
      const { width, point, variance } = d.samples;
      return {
        ...figures,
        disagreement: {
          responses: d.responses,
          width: ranked('width', d.width, width, variance, seed, level),
          point: ranked('point', d.point, point, variance, seed, level),
        },
      };
    }),
  };
}

/** A rank correlation with its interval over responses drawn anew. */
function ranked(
  name: string,
  value: number,
  x: Float64Array,
  y: Float64Array,
  seed: number,
  level: number,
): Estimate {
  if (x.some(Number.isNaN)) return { name, value: NaN, low: NaN, high: NaN };
  const random = seeded(seed);
  const draws = Array.from({ length: RANK_REPLICATES }, () => {
    const at = Array.from(x, () => Math.floor(random() * x.length));
    return spearman(at.map((i) => x[i]!), at.map((i) => y[i]!)); // prettier-ignore
  });
  const [low, high] = interval(draws, level);
  return { name, value, low, high };
}
