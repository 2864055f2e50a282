import { percent } from '../../../protocol/index.js';
import { probabilityBeats } from '../../../qrm/index.js';
import type { ResponseTable } from '../../table.js';
import { DEFAULT_SHARE, inWords, MINIMUM_SAMPLE, resolve } from '../../thresholds.js';
import type { Rule } from '../rule.js';

const GOOD = 'desirable';
const BAD = 'undesirable';
/** Responses of a label that stand for all of them, evenly taken. */
const SAMPLE = 4096;

/** The mixture of the distributions of all responses with a label, at the model's levels; undefined for too few. */
function pooled(table: ResponseTable, members: readonly number[]): Float32Array | undefined {
  if (members.length === 0) return undefined;
  const K = table.levels.length;
  const step = Math.max(1, members.length / SAMPLE);
  const pool: number[] = [];
  for (let n = 0; n < members.length; n += step) {
    const id = members[Math.floor(n)]!;
    for (let k = 0; k < K; k++) pool.push(table.quantile(id, k));
  }
  const sorted = Float32Array.from(pool).sort();
  if (K === 1) return Float32Array.of(sorted.reduce((sum, x) => sum + x, 0) / sorted.length);
  return Float32Array.from(table.levels, (tau) => {
    const at = tau * (sorted.length - 1);
    const low = Math.floor(at);
    const [a, b] = [sorted[low]!, sorted[Math.min(low + 1, sorted.length - 1)]!];
    return a + (at - low) * (b - a);
  });
}

/**
 * Labels of single responses (KTO's, votes of a chat's user) against the model: as in a pair, whose other
 * half is a response of the other label, whichever.
 */
export const contraryLabel: Rule = {
  code: 'contrary-label',
  order: 100,
  description:
    'The model finds a response labelled desirable worse, or one labelled undesirable better, than those of the other label.',
  prepare({ table }) {
    if (!table.knows(GOOD) || !table.knows(BAD)) return () => undefined;
    const [good, bad]: [number[], number[]] = [[], []];
    for (let i = 0; i < table.length; i++) {
      if (!table.scored(i)) continue;
      const label = table.label(i);
      if (label === GOOD) good.push(i);
      else if (label === BAD) bad.push(i);
    }
    const [ofGood, ofBad] = [pooled(table, good), pooled(table, bad)];
    if (ofGood === undefined || ofBad === undefined) return () => undefined;
    /** P(the label is right), as the model has it. */
    const right = (i: number): number => {
      const label = table.scored(i) ? table.label(i) : '';
      if (label === GOOD) return probabilityBeats(table.quantiles(i), ofBad, table.levels);
      if (label === BAD) return probabilityBeats(ofGood, table.quantiles(i), table.levels);
      return Number.NaN;
    };
    const limit = resolve(DEFAULT_SHARE, [...good, ...bad].map(right), MINIMUM_SAMPLE);
    return (i) => {
      const p = right(i);
      if (!(p <= limit && p < 0.5)) return undefined;
      const [label, other, beats] =
        table.label(i) === GOOD ? [GOOD, BAD, 'beats'] : [BAD, GOOD, 'is beaten by'];
      return {
        code: 'contrary-label',
        severity: 'warning',
        response: i,
        message: `Contrary label: labelled ${label}, it ${beats} a response labelled ${other} with probability ${percent(p)}, at or below ${percent(limit)} (${inWords(DEFAULT_SHARE, 'lowest')}).`,
      };
    };
  },
};
