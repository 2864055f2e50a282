import type { ReferenceFigures } from '../qrm/types.js';

/** A limit in the figure's own unit, or the outermost share of the dataset's own figures. */
export type Threshold =
  | { readonly kind: 'absolute'; readonly value: number }
  /** `of`: of another data set, in words, where this one has too few figures. */
  | { readonly kind: 'relative'; readonly share: number; readonly of?: string };

/** Thresholds by their names (`ThresholdSpec.name`); a rule whose threshold is absent has its default. */
export type Thresholds = Readonly<Record<string, Threshold>>;

/** Relative thresholds say nothing of fewer figures than this. */
export const MINIMUM_SAMPLE = 10;
/** Share of a dataset that rules find remarkable, unless they say otherwise. */
export const DEFAULT_SHARE: Threshold = { kind: 'relative', share: 0.05 };

/** Rank of the limit among n figures, from the remarkable end, from 0: the ceil(s*n)-th. */
export const rankOf = (share: number, n: number): number => Math.max(Math.ceil(share * n) - 1, 0);

/**
 * The limit that a threshold means for these figures: with `share` s of n figures, the ceil(s*n)-th
 * from the end. NaN (no figure reaches it) when a relative threshold has too few figures.
 * @param values the dataset's figures; NaN are left out
 * @param high is the remarkable end the high one?
 */
export function resolve(
  threshold: Threshold,
  values: Iterable<number>,
  minimum: number,
  high = false,
): number {
  if (threshold.kind === 'absolute') return threshold.value;
  const known = Float64Array.from(values).filter((v) => !Number.isNaN(v));
  if (known.length < minimum) return Number.NaN;
  known.sort();
  const rank = rankOf(threshold.share, known.length);
  return known[high ? known.length - 1 - rank : rank] ?? Number.NaN;
}

/** What a threshold may be: a figure, or a share of the data set's own; without a figure a whole number in bounds. */
interface Bounds {
  readonly figure?: object | undefined;
  readonly least?: number;
  readonly most?: number;
}

/** What a user may write for it, in words. */
export const thresholdForm = ({ figure, least = 0, most = 1e9 }: Bounds): string =>
  figure === undefined
    ? `a whole number from ${least} to ${most}`
    : 'a number or a share such as 5%';

/**
 * `5%` is a share of the dataset's own figures, `-0.2` a limit in the figure's unit.
 * @throws Error naming it and what was expected
 */
export function parseThreshold(text: string, name: string, bounds: Bounds): Threshold {
  const { figure, least = 0, most = 1e9 } = bounds;
  const percent = /^\s*(\d+(?:\.\d+)?)\s*%\s*$/.exec(text)?.[1];
  if (figure !== undefined && percent !== undefined && Number(percent) <= 100)
    return { kind: 'relative', share: Number(percent) / 100 };
  const value = text.trim() === '' ? Number.NaN : Number(text);
  const fits =
    figure === undefined
      ? Number.isInteger(value) && value >= least && value <= most
      : Number.isFinite(value);
  if (fits) return { kind: 'absolute', value };
  throw new Error(`${name}: found '${text}', expected ${thresholdForm(bounds)}`);
}

/** "the dataset's lowest 5 %", for messages. */
export function inWords(threshold: Threshold, edge: string): string {
  if (threshold.kind === 'absolute') return 'set by you';
  const share = `${edge} ${+(threshold.share * 100).toFixed(3)} %`;
  return threshold.of === undefined ? `the dataset's ${share}` : `the ${share} of ${threshold.of}`;
}

/**
 * The limit that a share has in the model's own reference, linear between the shares that it knows.
 * NaN where it does not know the figure, or less than the share.
 */
export function referred(
  reference: ReferenceFigures | undefined,
  figure: string,
  share: number,
): number {
  const limits = reference?.figures[figure];
  const shares = reference?.shares ?? [];
  const after = shares.findIndex((s) => s >= share);
  if (limits === undefined || after < 0) return Number.NaN;
  const [high, b] = [shares[after]!, limits[after]!];
  if (high === share) return b;
  const [low, a] = [shares[after - 1], limits[after - 1]];
  if (low === undefined || a === undefined) return Number.NaN;
  return a + ((b - a) * (share - low)) / (high - low);
}
