import { middleLevels } from '../../qrm/index.js';
import { permutation, seeded, wilson } from '../statistics/index.js';
import { intervalOffset, lowerOffset, upperOffset } from './conformal.js';

/** A labelled response as a model sees it. */
export interface CalibrationSample {
  readonly prompt: string;
  /** In [0, 1]; the mean of its raters. */
  readonly label: number;
  /** Sorted, at the passport's levels, of the attribute's head or of the reward. */
  readonly quantiles: ArrayLike<number>;
  /** q_tau of the reward: what thresholds are set on. */
  readonly tail: number;
}

/** What labels of one attribute in one data set say of a model. */
export interface AttributePassport {
  readonly dataset: string;
  readonly attribute: string;
  readonly predictedBy: 'head' | 'reward';
  readonly responses: number;
  /** Of which one a prompt was taken, so that they are exchangeable. */
  readonly prompts: number;
  readonly levels: readonly number[];
  /** Add to a predicted quantile: then labels are at or below it with probability at least its level. Infinity as null. */
  readonly upper: readonly (number | null)[];
  /** The same for at or above, with probability at least 1 - level. */
  readonly lower: readonly (number | null)[];
  /** Growth of the interval from q05 to q95 that holds a label with probability 0.9. */
  readonly interval90: number | null;
  /** Share of labels in the interval of the model as it is, and after calibration on the other half. */
  readonly checked: { readonly raw: number; readonly calibrated: number; readonly labels: number };
  /** Reward tails of good and bad responses, ascending: the share of bad ones below any threshold follows. */
  readonly tails: { readonly bad: readonly number[]; readonly good: readonly number[] };
}

export interface Passport {
  readonly version: 1;
  readonly modelHash: string;
  readonly modelName: string;
  /** Level of the tail, as of `--tau`. */
  readonly tau: number;
  /** ISO date. */
  readonly made: string;
  readonly assumptions: string;
  readonly entries: readonly AttributePassport[];
}

export const ASSUMPTIONS =
  'Split conformal: the guarantee holds on average for responses drawn as the labelled ones were (same kind of prompts, same writers, same raters), one a prompt, by a model that was not trained on them. It says nothing of a single response, nor of data of another kind.';

/** A label below this, on its scale as [0, 1], is of a bad response. */
const BAD_BELOW = 0.5;
/** Points kept of each side. */
const KEPT = 4000;
/** Fewer prompts than this say nothing. */
export const LEAST_LABELS = 20;

/**
 * Calibrates one attribute on one data set.
 * @throws RangeError for fewer prompts than LEAST_LABELS
 */
export function calibrate(
  names: Pick<AttributePassport, 'dataset' | 'attribute' | 'predictedBy'>,
  samples: readonly CalibrationSample[],
  levels: readonly number[],
  seed = 1,
): AttributePassport {
  const one = onePerPrompt(samples, seed);
  if (one.length < LEAST_LABELS)
    throw new RangeError(
      `${names.attribute} in ${names.dataset}: ${one.length} labelled prompts; expected ${LEAST_LABELS} or more`,
    );
  const residuals = (k: number): Float64Array =>
    Float64Array.from(one, (s) => s.label - s.quantiles[k]!);
  const finite = (x: number): number | null => (Number.isFinite(x) ? x : null);
  const [low, high] = middleLevels(levels);
  const offset = (of: readonly CalibrationSample[]): number =>
    intervalOffset(
      of.map((s) => s.label),
      of.map((s) => s.quantiles[low]!),
      of.map((s) => s.quantiles[high]!),
      0.9,
    );
  const half = Math.floor(one.length / 2);
  const [fit, check] = [one.slice(0, half), one.slice(half)];
  const held = (grow: number): number =>
    check.filter((s) => s.label >= s.quantiles[low]! - grow && s.label <= s.quantiles[high]! + grow)
      .length / check.length;
  const side = (bad: boolean): number[] =>
    thin(samples.filter((s) => s.label < BAD_BELOW === bad).map((s) => s.tail).sort((a, b) => a - b)); // prettier-ignore
  return {
    ...names,
    responses: samples.length,
    prompts: one.length,
    levels,
    upper: levels.map((tau, k) => finite(upperOffset(residuals(k), tau))),
    lower: levels.map((tau, k) => finite(lowerOffset(residuals(k), tau))),
    interval90: finite(offset(one)),
    checked: { raw: held(0), calibrated: held(offset(fit)), labels: check.length },
    tails: { bad: side(true), good: side(false) },
  };
}

/** In random order, one of each prompt: responses to one prompt are not exchangeable with those to others. */
function onePerPrompt(samples: readonly CalibrationSample[], seed: number): CalibrationSample[] {
  const seen = new Set<string>();
  return permutation(samples.length, seeded(seed)).flatMap((i) => {
    const sample = samples[i]!;
    if (seen.has(sample.prompt)) return [];
    seen.add(sample.prompt);
    return [sample];
  });
}

/** Evenly chosen, where there are more than are kept. */
const thin = (sorted: readonly number[]): number[] =>
  sorted.length <= KEPT
    ? [...sorted]
    : Array.from({ length: KEPT }, (_, i) => sorted[Math.floor((i * sorted.length) / KEPT)]!);

/** Of labelled responses whose tail is at or below a threshold: how many, and how many bad, with its 95 % interval. */
export function badBelow(
  { tails }: Pick<AttributePassport, 'tails'>,
  threshold: number,
): { below: number; bad: number; low: number; high: number } {
  const upTo = (sorted: readonly number[]): number => sorted.filter((t) => t <= threshold).length;
  const [bad, good] = [upTo(tails.bad), upTo(tails.good)];
  const [low, high] = wilson(bad + good === 0 ? 0 : bad / (bad + good), bad + good);
  return { below: bad + good, bad, low, high };
}

/** What a passport says of a threshold on the left tail, a sentence for each of its entries. */
export function passportWords(passport: Passport, threshold: number): string[] {
  const share = (x: number): string => String(Math.round(100 * x));
  const said = passport.entries.map((entry) => {
    const { below, low, high } = badBelow(entry, threshold);
    const all = entry.tails.bad.length + entry.tails.good.length;
    const of = `${entry.attribute} in ${entry.dataset}`;
    if (below === 0)
      return `Calibration (${of}): none of your ${all} labelled responses is below the threshold ${threshold.toFixed(3)}.`;
    const base = share(entry.tails.bad.length / all);
    return `Calibration (${of}): of responses below the threshold ${threshold.toFixed(3)}, ${share(low)} to ${share(high)} % were bad in your labels (${below} of them; of all ${all}, ${base} %).`;
  });
  return said.length === 0 ? [] : [...said, passport.assumptions];
}
