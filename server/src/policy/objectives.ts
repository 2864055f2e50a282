import { certaintyEquivalent, cvar, quantileAt, utility } from '../qrm/index.js';
import type { SampleSet } from './samples.js';

/**
 * What a policy is trained to have more of: a number for each distribution of rewards.
 * lambda is in 1 / reward; tau and level are shares in (0, 1].
 */
export type Objective =
  | { readonly kind: 'mean' }
  | { readonly kind: 'quantile'; readonly tau: number }
  | { readonly kind: 'cvar'; readonly level: number }
  | { readonly kind: 'ce'; readonly lambda: number }
  | { readonly kind: 'utility'; readonly lambda: number }
  | { readonly kind: 'attribute'; readonly name: string }
  | { readonly kind: 'weights'; readonly weights: readonly (readonly [string, number])[] };

export const MEAN: Objective = { kind: 'mean' };

const OBJECTIVE_FORMS =
  'mean, q05, cvar20, ce(lambda=2), utility(lambda=2), attribute(NAME), weights(NAME=0.7,NAME=0.3)';

/** A level in percent: `05`, `20`, `02.5`. */
const inPercent = (share: number): string => {
  const percent = +(share * 100).toFixed(4);
  return `${percent < 10 ? '0' : ''}${percent}`;
};

/** The name that `parseObjective` reads, one for each objective. */
export function objectiveName(o: Objective): string {
  switch (o.kind) {
    case 'mean':
      return 'mean';
    case 'quantile':
      return `q${inPercent(o.tau)}`;
    case 'cvar':
      return `cvar${inPercent(o.level)}`;
    case 'ce':
    case 'utility':
      return `${o.kind}(lambda=${o.lambda})`;
    case 'attribute':
      return `attribute(${o.name})`;
    case 'weights':
      return `weights(${o.weights.map(([name, w]) => `${name}=${w}`).join(',')})`;
  }
}

/**
 * The names of rewards that `qrm serve` takes (`q05`: levels in percent), and fixed weights.
 * @throws RangeError that says what was expected
 */
export function parseObjective(text: string): Objective {
  const name = text.trim();
  if (name === 'mean') return { kind: 'mean' };
  const level = /^(q|cvar)(\d{1,3}(?:\.\d+)?)$/.exec(name);
  if (level !== null) {
    const share = Number(level[2]) / 100;
    if (level[1] === 'q' && share > 0 && share < 1) return { kind: 'quantile', tau: share };
    if (level[1] === 'cvar' && share > 0 && share <= 1) return { kind: 'cvar', level: share };
  }
  const call = /^(ce|utility|attribute|weights)\((.*)\)$/s.exec(name);
  const inner = call?.[2]?.trim() ?? '';
  if (call?.[1] === 'ce' || call?.[1] === 'utility') {
    const lambda = Number(inner.replace(/^lambda\s*=/, '') || Number.NaN);
    if (Number.isFinite(lambda) && (lambda > 0 || (lambda === 0 && call[1] === 'ce')))
      return { kind: call[1], lambda };
    throw new RangeError(`${name}: expected a lambda above 0, such as ${call[1]}(lambda=2)`);
  }
  if (call?.[1] === 'attribute' && inner !== '') return { kind: 'attribute', name: inner };
  if (call?.[1] === 'weights') {
    const weights = inner.split(',').map((part): [string, number] => {
      const at = part.lastIndexOf('=');
      const weight = at < 0 ? Number.NaN : Number(part.slice(at + 1).trim() || Number.NaN);
      if (!Number.isFinite(weight))
        throw new RangeError(`${name}: "${part}", expected NAME=WEIGHT`);
      return [part.slice(0, at).trim(), weight];
    });
    return { kind: 'weights', weights };
  }
  throw new RangeError(`"${name}" is no objective; expected ${OBJECTIVE_FORMS}`);
}

/** A list of them: commas inside of parentheses part nothing. @throws RangeError */
export function parseObjectives(text: string): Objective[] {
  const parts = text.split(/,(?![^()]*\))/).filter((part) => part.trim() !== '');
  const all = new Map(parts.map(parseObjective).map((o) => [objectiveName(o), o]));
  if (all.size === 0) throw new RangeError(`no objective given; expected ${OBJECTIVE_FORMS}`);
  return [...all.values()];
}

/** Which attributes an objective needs. @throws RangeError when the model has them not */
export function checkObjective(o: Objective, attributes: readonly string[]): void {
  const names =
    o.kind === 'attribute' ? [o.name] : o.kind === 'weights' ? o.weights.map(([n]) => n) : [];
  for (const name of names) {
    if (!attributes.includes(name))
      throw new RangeError(
        `${objectiveName(o)}: the model has no attribute ${name}; it has ${attributes.join(', ')}`,
      );
  }
}

/**
 * The objective of each response, length N, in the reward's unit (utility: without one; -Infinity where it
 * overflows). Attributes and fixed weights count by their mean: the mean of a mixture is the mixture of the means.
 * @throws RangeError when the model has not the attribute
 */
export function objectiveScores(samples: SampleSet, o: Objective): Float64Array {
  checkObjective(o, samples.attributes);
  const { levels, quantiles, attributes } = samples;
  const K = levels.length;
  const M = attributes.length;
  const N = samples.expectation.length;
  const each = (score: (sorted: Float32Array, i: number) => number) =>
    Float64Array.from({ length: N }, (_, i) => score(quantiles.subarray(i * K, i * K + K), i));
  switch (o.kind) {
    case 'mean':
      return samples.expectation;
    case 'quantile':
      return each((sorted) => quantileAt(sorted, levels, o.tau));
    case 'cvar':
      return each((sorted) => cvar(sorted, levels, o.level));
    case 'ce':
      return each((sorted) => certaintyEquivalent(sorted, o.lambda));
    case 'utility':
      return each((sorted) => utility(sorted, o.lambda));
    case 'attribute': {
      const m = attributes.indexOf(o.name);
      return each((_, i) => samples.attributeMeans[i * M + m] as number);
    }
    case 'weights': {
      const all = o.weights.map(([name, w]) => [attributes.indexOf(name), w] as const);
      return each((_, i) =>
        all.reduce((sum, [m, w]) => sum + w * (samples.attributeMeans[i * M + m] as number), 0),
      );
    }
  }
}
