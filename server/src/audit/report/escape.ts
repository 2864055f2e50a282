/**
 * Text from a dataset made safe to show: control and format characters (ANSI sequences, bidirectional
 * overrides, zero-width) and lone surrogates are written as escapes, line ends as ⏎, so that data can
 * neither move the cursor nor hide itself. The joiner of emoji sequences stays.
 */
export function visible(text: string): string {
  return text
    .replace(/\r?\n/g, '⏎')
    .replace(/\t/g, ' ')
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (c) => {
      if (c === '\u200d') return c;
      const code = c.codePointAt(0) ?? 0;
      return code < 0x100
        ? `\\x${code.toString(16).padStart(2, '0')}`
        : `\\u{${code.toString(16)}}`;
    });
}

/** Halves of surrogate pairs become U+FFFD: strict JSON readers and UTF-8 know no halves. */
export const wellFormed = (text: string): string =>
  text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');

/** JSON for strict readers: no half of a surrogate pair in any text. */
export function strictJson(value: unknown, space?: number): string {
  const json = JSON.stringify(value, undefined, space);
  // A half is written as an escape; looking at every text for one takes several times as long as writing.
  if (!json.includes('\\ud')) return json;
  return JSON.stringify(
    value,
    (_, part: unknown) => (typeof part === 'string' ? wellFormed(part) : part),
    space,
  );
}

/** The first `length` UTF-16 code units, or one less where a pair would be cut. */
export function cut(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  return text.slice(
    0,
    length < text.length && last >= 0xd800 && last < 0xdc00 ? length - 1 : length,
  );
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;

/** Columns that a terminal gives the text: two for East Asian wide characters and emoji. */
export function width(text: string): number {
  let columns = 0;
  for (const { segment } of graphemes.segment(text)) columns += WIDE.test(segment) ? 2 : 1;
  return columns;
}

/** The text cut to so many columns, with an ellipsis when something was cut. */
export function fit(text: string, columns: number): string {
  // No need to measure what can never fit.
  const head = text.slice(0, columns * 8);
  if (head.length === text.length && width(text) <= columns) return text;
  let out = '';
  let used = 0;
  for (const { segment } of graphemes.segment(head)) {
    const w = WIDE.test(segment) ? 2 : 1;
    if (used + w > columns - 1) break;
    out += segment;
    used += w;
  }
  return columns < 1 ? '' : `${out}…`;
}

export function pad(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(columns - width(text), 0));
}

export function html(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return visible(text).replace(/[&<>"']/g, (c) => entities[c] ?? c);
}

/** A cell by RFC 4180. Text that a spreadsheet would take for a formula gets an apostrophe before it. */
export function csvCell(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const text = wellFormed(String(value));
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
