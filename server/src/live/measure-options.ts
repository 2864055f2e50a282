import { seeksNearDuplicates, type LedgerOptions } from '../audit/index.js';
import type { ServerSettings } from '../protocol/index.js';
import { DEFAULT_CVAR_LEVEL, DEFAULT_LAMBDA, DEFAULT_TAU } from '../qrm/index.js';

/** Do these settings look for near-duplicates, so that audits keep sketches? */
export function seeksSketches({ thresholds }: Pick<ServerSettings, 'thresholds'>): boolean {
  const given = thresholds['nearDuplicate'];
  const value = Number(given);
  // What is no number keeps the default.
  const known = given !== undefined && Number.isFinite(value);
  return seeksNearDuplicates(known ? { nearDuplicate: { kind: 'absolute', value } } : {});
}

/** How distributions are read; weights by name in the model's order, absent ones 0. */
export function measureOptions(
  s: Pick<ServerSettings, 'tau' | 'lambda' | 'cvarLevel' | 'weights' | 'thresholds'>,
  attributes: readonly string[],
): LedgerOptions {
  const named = Object.entries(s.weights).filter(([name]) => attributes.includes(name));
  const tau = s.tau > 0 && s.tau < 0.5 ? s.tau : DEFAULT_TAU;
  const lambda = Number.isFinite(s.lambda) && s.lambda >= 0 ? s.lambda : DEFAULT_LAMBDA;
  const cvarLevel = s.cvarLevel > 0 && s.cvarLevel <= 1 ? s.cvarLevel : DEFAULT_CVAR_LEVEL;
  const sketches = seeksSketches(s) && { sketches: true };
  if (named.length === 0) return { tau, lambda, cvarLevel, ...sketches };
  const weights = attributes.map(
    (a) => Number(Object.hasOwn(s.weights, a) ? s.weights[a] : 0) || 0,
  );
  return { tau, lambda, cvarLevel, weights, ...sketches };
}
