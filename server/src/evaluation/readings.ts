import {
  certaintyEquivalent,
  DEFAULT_CVAR_LEVEL,
  type MeasureOptions,
  type QrmSpec,
} from '../qrm/index.js';
import type { Reading } from './board.js';

/** Risk aversions that the certainty equivalent is tried with, in 1 / reward. */
const LAMBDAS = [0.3, 1, 3, 10, 30] as const;

const percent = (share: number): string => String(Math.round(100 * share)).padStart(2, '0');

/** Readings of a distribution, the mean first: a model of one number a response has that alone. */
export function readingsOf(
  { levels }: QrmSpec,
  { tau, cvarLevel = DEFAULT_CVAR_LEVEL }: Pick<MeasureOptions, 'tau' | 'cvarLevel'>,
): Reading[] {
  const mean: Reading = { name: 'mean', of: (m) => m.expectation };
  if (levels.length === 1) return [mean];
  return [
    mean,
    { name: `q${percent(tau)}`, of: (m) => m.tail },
    { name: `CVaR ${percent(cvarLevel)} %`, of: (m) => m.cvar },
    ...LAMBDAS.map((lambda) => ({
      name: `CE λ=${lambda}`,
      of: ({ sorted }: { sorted: ArrayLike<number> }) => certaintyEquivalent(sorted, lambda),
    })),
  ];
}

/** HelpSteer2's weights of its five attributes (Wang et al. 2024, section 4.1; Llama3-70B-SteerLM-RM). */
const HELPSTEER2: ReadonlyMap<string, number> = new Map([
  ['helpfulness', 0.65],
  ['correctness', 0.8],
  ['coherence', 0.45],
  ['complexity', 0.55],
  ['verbosity', -0.4],
]);

/** The weights of a "fixed weights" row: HelpSteer2's where the model has its attributes, else equal ones. */
export function fixedWeights(attributes: readonly string[]): { weights: number[]; how: string } {
  const steer = attributes.map(
    (name) => HELPSTEER2.get(name.toLowerCase().replace(/^helpsteer2?-/, '')) ?? 0,
  );
  if (new Set(steer.filter((w) => w !== 0)).size === HELPSTEER2.size)
    return { weights: steer, how: "HelpSteer2's weights" };
  return { weights: attributes.map(() => 1 / attributes.length), how: 'equal weights' };
}
