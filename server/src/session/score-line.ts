import { placeOf } from '../datasets/index.js';
import { measure, type MeasureOptions, type QrmSpec } from '../qrm/index.js';
import type { ScoredTarget } from './row-scores.js';
import type { ScoredEvent } from './score-rows.js';

/** Of `Measures`, as a line names them. */
export const FIGURES = [
  'expectation',
  'tail',
  'cvar',
  'spread',
  'certaintyEquivalent',
  'modes',
  'crossings',
] as const;

/**
 * A scored response for a machine: where it stands (row and turn from 0, line and column from 1, bytes), its hash, its
 * figures, gate weights by attribute and sorted quantiles [K]; or the error.
 */
export function scoreLine(
  event: ScoredEvent & { type: 'row' },
  { conversation: c, target, hash, result }: ScoredTarget,
  spec: QrmSpec,
  settings: MeasureOptions,
) {
  const conversation = event.row.conversations[c];
  const p = placeOf(event.row, c, target);
  const head = {
    row: event.row.index,
    kind: conversation?.kind,
    label: conversation?.label,
    turn: target,
    line: p.line + 1,
    column: p.column + 1,
    start: p.start,
    end: p.end,
    hash: hash.toString('hex'),
  };
  if (!result.ok) return { ...head, error: result.error };
  const { sorted, ...m } = measure(result.score, spec.levels, settings);
  const gate = Object.fromEntries(spec.attributes.map((name, n) => [name, result.score.gate[n]]));
  const { tokens, truncatedTokens } = result.score;
  return { ...head, ...m, gate, quantiles: [...sorted], tokens, truncatedTokens };
}
