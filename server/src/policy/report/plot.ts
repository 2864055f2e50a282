import { decimals } from '../../protocol/index.js';

/** A curve of a text plot. */
export interface Curve {
  readonly mark: string;
  readonly points: readonly (readonly [number, number])[];
  /** Drawn last, with the mark in capitals. */
  readonly main?: readonly [number, number];
}

const WIDE = 64;
const HIGH = 14;

export interface PlotOptions {
  /** Rows. */
  readonly high?: number;
  /** Numbers of the x axis. */
  readonly write?: (x: number) => string;
}

/** Curves in characters: small letters for their points, a capital for the main one; * where several meet. */
export function textPlot(
  curves: readonly Curve[],
  x: string,
  y: string,
  { high = HIGH, write = decimals }: PlotOptions = {},
): string[] {
  const all = curves.flatMap(({ points, main }) => [...points, ...(main ? [main] : [])]);
  const finite = all.filter((p) => p.every(Number.isFinite));
  if (finite.length === 0) return [];
  const range = (n: 0 | 1): [number, number] => {
    const values = finite.map((p) => p[n]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return low === high ? [low - 0.5, high + 0.5] : [low, high];
  };
  const [[left, right], [bottom, top]] = [range(0), range(1)];
  const cells = Array.from({ length: high }, () => new Array<string>(WIDE).fill(' '));
  const put = (p: readonly [number, number], mark: string, over: boolean): void => {
    if (!p.every(Number.isFinite)) return;
    const column = Math.round(((p[0] - left) / (right - left)) * (WIDE - 1));
    const row = high - 1 - Math.round(((p[1] - bottom) / (top - bottom)) * (high - 1));
    const there = cells[row]![column]!;
    const free = there === ' ' || (over && there !== '*' && there.toLowerCase() === there);
    cells[row]![column] = free || there === mark ? mark : '*';
  };
  for (const { points, mark } of curves) for (const p of points) put(p, mark.toLowerCase(), false);
  for (const { main, mark } of curves) if (main) put(main, mark.toUpperCase(), true);
  const names = [decimals(top), decimals(bottom)];
  const margin = Math.max(...names.map((n) => n.length), y.length);
  const lines = cells.map((row, n) => {
    const name = n === 0 ? names[0]! : n === high - 1 ? names[1]! : n === 1 ? y : '';
    return `${name.padStart(margin)} │${row.join('')}`.trimEnd();
  });
  const [from, to] = [write(left), write(right)];
  const gap = WIDE - from.length - to.length;
  const middle = x.padStart((gap + x.length) >> 1).padEnd(gap);
  return [
    ...lines,
    `${' '.repeat(margin)} └${'─'.repeat(WIDE)}`,
    `${' '.repeat(margin + 2)}${from}${middle}${to}`,
  ];
}

/** A bar from 0, to eighths of a character. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(Math.max(share, 0), 1) * width * 8);
  return '█'.repeat(eighths >> 3) + (['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths & 7] ?? '');
}
