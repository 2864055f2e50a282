import { percent } from '../../protocol/index.js';

/** A Markdown table. */
export const table = (header: string[], rows: string[][]): string =>
  [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** One standard error of a share of n. */
export const error = (share: number, n: number): string =>
  `± ${percent(Math.sqrt((share * (1 - share)) / n))}`;
