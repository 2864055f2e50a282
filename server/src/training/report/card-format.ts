/** A share in percent, one decimal. */
export const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;

/** A Markdown table. */
export const table = (header: string[], rows: string[][]): string =>
  [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** One standard error of a share of n. */
export const error = (share: number, n: number): string =>
  `± ${percent(Math.sqrt((share * (1 - share)) / n))}`;
