import type { TrainConfig } from '../../config/config.js';
import type { AttributeHeads } from '../heads.js';
import type { LabelledSample, Plan } from '../sample.js';

/** Every response with its length: log(1 + tokens) from the shortest to the longest, scaled to [0, 1]. */
export function lengthSamples(plan: Plan): LabelledSample[] {
  const seen = new Map([...plan.attributes.values()].flat().map((s) => [s.encoded.key, s]));
  const samples = [...seen.values()];
  const lengths = samples.map(({ encoded }) => Math.log1p(encoded.reward - encoded.gate));
  const min = lengths.reduce((a, b) => Math.min(a, b), Infinity);
  const max = lengths.reduce((a, b) => Math.max(a, b), -Infinity);
  return samples.map((s, i) => ({ ...s, labels: [(lengths[i]! - min) / (max - min || 1)] }));
}

export interface Chosen {
  readonly kept: readonly AttributeHeads[];
  readonly dropped: readonly { readonly name: string; readonly reason: string }[];
}

/** Attributes that predict their labels; by cross-validation on training prompts alone. */
export function chooseAttributes(fitted: readonly AttributeHeads[], config: TrainConfig): Chosen {
  const ratio = ({ crossValidated: c }: AttributeHeads): number => c.pinball / c.baseline;
  const good = (a: AttributeHeads): boolean =>
    ratio(a) <= config.keepBelow ||
    a.name === config.verbosity ||
    (config.weights !== undefined && Object.hasOwn(config.weights, a.name)) ||
    (config.keep ?? []).includes(a.name);
  const dropped = fitted
    .filter((a) => !good(a))
    .map((a) => ({
      name: a.name,
      reason: `its cross-validated pinball loss is ${ratio(a).toFixed(3)} of the constant quantiles', the limit is ${config.keepBelow}`,
    }));
  const kept = fitted.filter(good);
  if (kept.length === 0) {
    throw new Error(
      `no attribute is left: ${dropped.map((d) => `${d.name}: ${d.reason}`).join('; ')}`,
    );
  }
  return { kept, dropped };
}
