import { decimals } from '../../../server/src/protocol/index.js';
import type { MeasureName, Responses } from './responses.js';

export type Range = readonly [low: number, high: number];
/** The ranges brushed in the charts; a response must lie in all of them. */
export type Brush = Readonly<Partial<Record<MeasureName, Range>>>;

export function isEmpty(brush: Brush): boolean {
  return brush.expectation === undefined && brush.tail === undefined && brush.margin === undefined;
}

export interface Selection {
  /** keep[i] is 1 when response i lies in every range. */
  readonly keep: Uint8Array;
  readonly count: number;
}

/**
 * The responses inside the brush, or undefined when there is none. A range on the margin keeps both
 * halves of the pairs in it; a figure that is not known lies in no range.
 */
export function select(responses: Responses, brush: Brush): Selection | undefined {
  if (isEmpty(brush)) return undefined;
  const n = responses.length;
  const keep = new Uint8Array(n);
  const [xLow, xHigh] = brush.expectation ?? EVERYTHING;
  const [yLow, yHigh] = brush.tail ?? EVERYTHING;
  const { margin } = brush;
  let count = 0;
  for (let i = 0; i < n; i++) {
    const x = responses.expectation[i] as number;
    const y = responses.tail[i] as number;
    if (!(x >= xLow && x <= xHigh && y >= yLow && y <= yHigh)) continue;
    if (margin !== undefined) {
      const m = responses.pairMargin(i);
      if (!(m >= margin[0] && m <= margin[1])) continue;
    }
    keep[i] = 1;
    count++;
  }
  return { keep, count };
}

const EVERYTHING: Range = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];

/** The two ends in order; undefined when they are the same place (a click, not a drag). */
export function orderedRange(a: number, b: number): Range | undefined {
  if (!Number.isFinite(a) || !Number.isFinite(b) || a === b) return undefined;
  return a < b ? [a, b] : [b, a];
}

/** At most `limit` of the kept responses, spread evenly over the file. */
export function sampleOf(selection: Selection, limit: number): number[] {
  const out: number[] = [];
  const every = Math.max(selection.count / limit, 1);
  let seen = 0;
  for (let i = 0; i < selection.keep.length; i++) {
    if (selection.keep[i] === 0) continue;
    if (seen >= out.length * every) out.push(i);
    seen++;
  }
  return out.slice(0, limit);
}

/** Ends beyond this are open (they are kept as JSON, which has no infinity). */
export const OPEN = 1e300;

export function rangeText([low, high]: Range): string {
  if (low <= -OPEN) return `≤ ${decimals(high)}`;
  if (high >= OPEN) return `≥ ${decimals(low)}`;
  return `${decimals(low)} to ${decimals(high)}`;
}
