import type { ServerSettings } from '../protocol/index.js';
import type { MeasureOptions } from '../qrm/index.js';

const TAU = 0.05;
const LAMBDA = 1;

/** How distributions are read; weights by name in the model's order, absent ones 0. */
export function measureOptions(
  s: Pick<ServerSettings, 'tau' | 'lambda' | 'weights'>,
  attributes: readonly string[],
): MeasureOptions {
  const named = Object.entries(s.weights).filter(([name]) => attributes.includes(name));
  const tau = s.tau > 0 && s.tau < 0.5 ? s.tau : TAU;
  const lambda = Number.isFinite(s.lambda) && s.lambda >= 0 ? s.lambda : LAMBDA;
  if (named.length === 0) return { tau, lambda };
  const weights = attributes.map(
    (a) => Number(Object.hasOwn(s.weights, a) ? s.weights[a] : 0) || 0,
  );
  return { tau, lambda, weights };
}
