import { count, cvarName, decimals, fine, percent } from '../../protocol/index.js';
import type { Estimate, FigureName, LambdaPoint, PolicyPreview } from '../index.js';
import type { LeftOut } from '../gather/index.js';

/** What a report is made of. */
export interface PolicyReport {
  readonly preview: PolicyPreview;
  readonly leftOut: LeftOut;
  readonly files: readonly string[];
  readonly model: string;
  readonly levels: number;
  readonly version: string;
}

/** Numbers of quantities that may be tiny or large: three significant digits. */
export const short = (x: number): string =>
  Number.isFinite(x) ? String(Number(x.toPrecision(3))).replace('-', '−') : '–';
/** `1 nat`, `0.35 nats`. */
export const nats = (x: number): string => `${short(x)} ${x === 1 ? 'nat' : 'nats'}`;

/** One figure as a reader wants it. */
export function written(name: FigureName, x: number): string {
  if (!Number.isFinite(x)) return '–';
  // What leave-one-out takes off may leave a little less than nothing.
  if (name === 'below') return percent(Math.max(x, 0));
  if (name === 'tokens') return x.toFixed(0);
  if (name === 'surprisal') return x.toFixed(1);
  return decimals(x);
}

export const interval = ({ low, high }: Estimate): string =>
  Number.isFinite(low) ? `${fine(low)} to ${fine(high)}` : 'one prompt: no interval';

/** A difference with its interval; bold or not is the reader's affair: `sure` says whether 0 is outside. */
export const difference = (e: Estimate): string =>
  Number.isFinite(e.low) ? `${fine(e.value)} (${fine(e.low)}, ${fine(e.high)})` : fine(e.value);
export const sure = ({ low, high }: Estimate): boolean => low > 0 || high < 0;

/** Names of the columns of a table of policies. */
export function headings({ preview, levels }: PolicyReport): [FigureName, string][] {
  const all: [FigureName, string][] = [
    ['mean', 'mean'],
    ['q05', 'q05'],
    ['q10', 'q10'],
    ['q15', 'q15'],
    ['q20', 'q20'],
    ['q25', 'q25'],
    ['cvar', cvarName(preview.cvarLevel)],
    ['below', `< ${decimals(preview.threshold)}`],
    ['tokens', 'tokens'],
    ['surprisal', '−log p'],
  ];
  const known = Number.isFinite(preview.reference.figures.surprisal.value);
  const tails = new Set(['q05', 'q10', 'q15', 'q20', 'q25', 'cvar']);
  return all.filter(
    ([name]) => (levels > 1 || !tails.has(name)) && (name !== 'surprisal' || known),
  );
}

/** Every n is the same, or from least to most. */
const each = ({ least, most }: PolicyPreview['samples']): string =>
  least === most ? `${least} each` : `${least} to ${most} each`;

export const title = ({ preview }: PolicyReport): string =>
  `What training would do: ${count(preview.responses)} responses to ${count(preview.prompts)} prompts (${each(preview.samples)})`;

/** What a reader must know before the numbers. */
export function notes({ preview, leftOut, levels }: PolicyReport): string[] {
  const out: string[] = [];
  const say = (n: number, one: string, many: string): void => {
    if (n > 0) out.push(`${count(n)} ${n === 1 ? one : many}`);
  };
  say(
    leftOut.single,
    'prompt has one response alone, between which nothing is to be chosen: left out',
    'prompts have one response alone, between which nothing is to be chosen: left out',
  );
  say(leftOut.unscored, 'response has no score: left out', 'responses have no score: left out');
  say(
    leftOut.repeated,
    'response stands in several pairs of its prompt: counted once',
    'responses stand in several pairs of their prompts: counted once',
  );
  say(
    leftOut.withoutLogProbability,
    'response has no log-probability where others have one: none is used',
    'responses have no log-probability where others have one: none is used',
  );
  if (preview.weighted)
    out.push('Samples of another policy, weighted to the reference by their log-probabilities');
  if (preview.samples.median < 4)
    out.push(
      `${preview.samples.median} responses a prompt tell little of a policy: best-of-n sets of 8 or more tell more`,
    );
  if (preview.prompts < 30)
    out.push(`${preview.prompts} prompts are few: intervals over them are rough`);
  if (levels === 1)
    out.push('The model gives one number a response: there is no left tail, and no risk to avert');
  return out;
}

const lambdaName = ({ lambda }: LambdaPoint): string => `ce(lambda=${lambda})`;

/** What follows, in sentences: where pessimism costs mean, and the lambda whose left tail gains most. */
export function conclusions({ preview, levels }: PolicyReport): string[] {
  if (levels === 1) return [];
  const { scan, objectives, budget } = preview;
  const out: string[] = [];
  const at = `at ${nats(budget)}`;
  const mean = objectives[0]?.atBudget;
  if (mean === undefined)
    return [`No beta has a KL of ${nats(budget)}: scores tie, or there are too few samples`];
  const costly = objectives.filter(({ atBudget }) => (atBudget?.differences?.mean.high ?? 0) < 0);
  out.push(
    costly.length === 0
      ? `Pessimism costs no mean that these prompts could show ${at}.`
      : `Pessimism costs mean ${at}: ${costly.map(({ name, atBudget }) => `${name} ${difference(atBudget!.differences!.mean)}`).join(', ')}.`,
  );
  if (scan.costsFrom !== undefined)
    out.push(`The certainty equivalent costs mean from lambda = ${scan.costsFrom} on.`);
  const best = scan.points.find(({ lambda }) => lambda === scan.best);
  const base = scan.points.find(({ lambda }) => lambda === 0);
  if (best !== undefined && base !== undefined && best.lambda > 0) {
    const { q05, mean: m } = best.point.differences!;
    out.push(
      `The left tail gains most a nat at lambda = ${best.lambda}: q05 ${fine(best.gainPerNat.value)} a nat, ${fine(base.gainPerNat.value)} with the mean as objective. At equal KL ${lambdaName(best)} is ${difference(q05)} in q05 and ${difference(m)} in the mean.`,
    );
    if (!scan.bestIsSure)
      out.push(
        'That interval holds 0: these prompts do not show that any lambda gains left tail over the mean objective.',
      );
  } else if (best !== undefined) {
    out.push('No lambda gains more left tail a nat than the mean objective does.');
  }
  const k = mean.ess;
  if (k < 3) {
    out.push(
      `An effective ${short(k)} samples a prompt carry these figures ${at}: intervals say how far to trust them, more samples a prompt or a smaller --kl make them narrower.`,
    );
  }
  return out;
}
