/** Browsers stop laying out beyond about 16 million pixels; below that a pixel is a pixel. */
export const MAX_HEIGHT = 8_000_000;

export interface Window {
  /** First row drawn and one past the last. */
  readonly from: number;
  readonly to: number;
  /** Where the first row's top lies, in pixels of the scrolled content. */
  readonly top: number;
}

/** Height of the scrolled content: every row, or the most a browser lays out. */
export function contentHeight(rows: number, rowHeight: number): number {
  return Math.min(rows * rowHeight, MAX_HEIGHT);
}

/**
 * The rows on screen at a scroll position, with `extra` rows above and below. Where all rows are too
 * tall together, scroll positions map to rows in proportion.
 */
export function rowWindow(
  rows: number,
  rowHeight: number,
  viewport: number,
  scrollTop: number,
  extra = 4,
): Window {
  const full = rows * rowHeight;
  const height = contentHeight(rows, rowHeight);
  const room = Math.max(height - viewport, 0);
  const at = Math.min(Math.max(scrollTop, 0), room);
  const offset = full === height || room === 0 ? at : (at / room) * (full - viewport);
  const first = Math.floor(offset / rowHeight);
  const from = Math.max(first - extra, 0);
  const to = Math.min(first + Math.ceil(viewport / rowHeight) + 1 + extra, rows);
  // The first visible row keeps its place under the eye, whatever the scale.
  return { from: Math.min(from, to), to, top: at - (offset - from * rowHeight) };
}

/** The scroll position that shows `row`, moving as little as possible. */
export function scrollToRow(
  row: number,
  rows: number,
  rowHeight: number,
  viewport: number,
  scrollTop: number,
): number {
  const full = rows * rowHeight;
  const height = contentHeight(rows, rowHeight);
  const room = Math.max(height - viewport, 0);
  if (room === 0) return 0;
  const scale = full === height ? 1 : (full - viewport) / room;
  const offset = Math.min(Math.max(scrollTop, 0), room) * scale;
  const top = row * rowHeight;
  if (top >= offset && top + rowHeight <= offset + viewport) return scrollTop;
  const wanted = top < offset ? top : top + rowHeight - viewport;
  return Math.min(Math.max(wanted / scale, 0), room);
}
