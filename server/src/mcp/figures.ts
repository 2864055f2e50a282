import * as z from 'zod';
import type { EvaluatorInfo } from '../engine/types.js';
import { contributions, measure, quantileAt, strongest, type RewardScore } from '../qrm/index.js';
import { MEASURES } from './audits.js';

/** Attributes of one response that are told, the strongest first. */
const MOST_ATTRIBUTES = 16;

const number = z.number().nullable();

/** What scored. */
export const modelShape = z.object({
  name: z.string(),
  precision: z.string(),
  executionProvider: z.string(),
  attributes: z.array(z.string()),
  levels: z.array(z.number()).describe('Of the quantiles; one: the model gives no distribution.'),
});

export const modelOf = ({ modelName, precision, executionProvider, spec }: EvaluatorInfo) => ({
  name: modelName,
  precision,
  executionProvider,
  attributes: spec.attributes,
  levels: spec.levels,
});

/** The figures of one distribution. */
const figuresShape = {
  tail: number.describe('q05, the left tail: a low one is a risk that the mean may hide.'),
  cvar: number.describe('Mean of the worst fifth.'),
  expectation: number.describe('The mean.'),
  certaintyEquivalent: number.describe('-log(E[exp(-r)]): the mean less what risk costs.'),
  spread: number.describe('q95 - q05.'),
  modes: z.number().int().describe('Peaks of the density.'),
  tokens: z.number().int(),
  truncatedTokens: z
    .number()
    .int()
    .describe("Tokens of the prompt beyond the model's context, which were not read."),
};

const attributesShape = z
  .array(
    z.object({
      name: z.string(),
      weight: number.describe("The gate's."),
      contribution: number.describe('To the mean; they sum to it.'),
      tail: number.describe("q05 of the attribute's own distribution."),
    }),
  )
  .describe('The strongest contribution first.');

export const distributionShape = {
  ...figuresShape,
  quantiles: z.array(number).describe('Ascending, at the model’s levels.'),
  attributes: attributesShape,
  attributesLeftOut: z.number().int(),
};

export function figuresOf(score: RewardScore, { spec }: EvaluatorInfo) {
  const { sorted, tail, cvar, expectation, certaintyEquivalent, spread, modes } = measure(
    score,
    spec.levels,
    { ...MEASURES, pooled: spec.pooled },
  );
  const { tokens, truncatedTokens } = score;
  const figures = { tail, cvar, expectation, certaintyEquivalent, spread, modes };
  return { sorted, figures: { ...figures, tokens, truncatedTokens } };
}

/** All that is known of one response's distribution. */
export function distributionOf(score: RewardScore, info: EvaluatorInfo) {
  const { spec } = info;
  const { sorted, figures } = figuresOf(score, info);
  const pulls = contributions(score);
  const K = spec.levels.length;
  const attributes = strongest(pulls, MOST_ATTRIBUTES).map((m) => ({
    name: spec.attributes[m] ?? `attribute ${m}`,
    weight: score.gate[m] ?? Number.NaN,
    contribution: pulls[m] ?? Number.NaN,
    tail: quantileAt(
      score.attributeQuantiles.slice(m * K, (m + 1) * K).sort(),
      spec.levels,
      MEASURES.tau,
    ),
  }));
  return {
    ...figures,
    quantiles: Array.from(sorted),
    attributes,
    attributesLeftOut: spec.attributes.length - attributes.length,
  };
}
