export type Cell = string | number;

/**
 * One cell of RFC 4180. Text that a spreadsheet would run as a formula gets an apostrophe in front
 * (CWE-1236); numbers are ours and stay numbers, an unknown one is empty.
 */
export function csvCell(cell: Cell): string {
  if (typeof cell === 'number') return Number.isNaN(cell) ? '' : String(cell);
  // Also behind blanks, where some spreadsheets trim before they look.
  const guarded = /^[\s\p{Cf}]*[=+\-@＝＋－＠]|^[\t\r\n]/u.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

/** A CSV file with CRLF line ends. */
export function csv(header: readonly string[], rows: Iterable<readonly Cell[]>): string {
  const lines = [header.map(csvCell).join(',')];
  for (const row of rows) lines.push(row.map(csvCell).join(','));
  return `${lines.join('\r\n')}\r\n`;
}
