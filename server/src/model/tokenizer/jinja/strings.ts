/** Methods of Python's str: their white space, cases and code points are not those of JavaScript. */

/** str.isspace. JavaScript's \s lacks U+001C to U+001F and U+0085, and has U+FEFF. */
export const SPACE =
  '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const LEADING = new RegExp(`^[${SPACE}]+`);
const WORD = new RegExp(`[^${SPACE}]+`, 'g');
const ALL_SPACE = new RegExp(`^[${SPACE}]+$`);
const IS_SPACE = new RegExp(`[${SPACE}]`);
const LINE_END = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/g;

export const isSpace = (s: string): boolean => ALL_SPACE.test(s);

type Side = 'both' | 'left' | 'right';

/** str.strip, lstrip, rstrip. @param chars the characters to take away; absent: white space */
export function strip(s: string, chars: string | undefined, side: Side): string {
  const set = chars === undefined ? undefined : new Set(chars);
  const goes = (c: string): boolean => (set ? set.has(c) : IS_SPACE.test(c));
  let [from, to] = [0, s.length];
  if (side !== 'right') {
    while (from < to) {
      const c = String.fromCodePoint(s.codePointAt(from)!);
      if (!goes(c)) break;
      from += c.length;
    }
  }
  if (side !== 'left') {
    while (to > from) {
      const low = s.charCodeAt(to - 1) >> 10 === 0x37 && s.charCodeAt(to - 2) >> 10 === 0x36;
      const c = s.slice(low ? to - 2 : to - 1, to);
      if (to - c.length < from || !goes(c)) break;
      to -= c.length;
    }
  }
  return s.slice(from, to);
}

export function split(s: string, sep: string | undefined, most: number): string[] {
  if (sep === '') throw new Error('empty separator');
  if (sep !== undefined) {
    const parts = s.split(sep);
    if (most < 0 || parts.length <= most + 1) return parts;
    return [...parts.slice(0, most), parts.slice(most).join(sep)];
  }
  const out: string[] = [];
  const text = s.replace(LEADING, '');
  for (const { 0: word, index } of text.matchAll(WORD)) {
    if (most >= 0 && out.length >= most) return [...out, text.slice(index)];
    out.push(word);
  }
  return out;
}

export function rsplit(s: string, sep: string | undefined, most: number): string[] {
  if (most < 0) return split(s, sep, most);
  const turn = (t: string): string => Array.from(t).reverse().join('');
  return split(turn(s), sep === undefined ? sep : turn(sep), most)
    .map(turn)
    .reverse();
}

export function splitLines(s: string, keepEnds: boolean): string[] {
  const out: string[] = [];
  let from = 0;
  for (const { 0: end, index } of s.matchAll(LINE_END)) {
    out.push(s.slice(from, index + (keepEnds ? end.length : 0)));
    from = index + end.length;
  }
  if (from < s.length) out.push(s.slice(from));
  return out;
}

/** str.replace. @param most replacements at most; negative: all */
export function replace(s: string, old: string, by: string, most: number): string {
  if (most === 0) return s;
  // Between code points, at both ends, where nothing is to be replaced.
  const parts = old === '' ? ['', ...Array.from(s), ''] : s.split(old);
  if (old === '' && s === '') return by;
  const last = most < 0 ? parts.length : most;
  return parts.reduce((all, part, i) => all + (i <= last ? by : old) + part);
}

/** The title case of a character: upper case but for digraphs, ligatures and Greek with iota subscript. */
function toTitle(c: string): string {
  const code = c.codePointAt(0)!;
  if (code >= 0x1c4 && code <= 0x1cc)
    return String.fromCodePoint(0x1c5 + 3 * Math.floor((code - 0x1c4) / 3));
  if (code >= 0x1f1 && code <= 0x1f3) return '\u01f2';
  if (code >= 0x10d0 && code <= 0x10ff) return c; // Georgian has no title case.
  if (code >= 0x1f80 && code <= 0x1faf) return String.fromCodePoint(code | 8);
  if ([0x1fb3, 0x1fc3, 0x1ff3].includes(code)) return String.fromCodePoint(code + 9);
  if ([0x1fbc, 0x1fcc, 0x1ffc].includes(code)) return c;
  const [first = '', ...rest] = Array.from(c.toUpperCase());
  // A letter that becomes several: only the first is a capital; combining marks stay.
  return first + rest.map((r) => (code === 0x149 ? r : r.toLowerCase())).join('');
}

/** str.title: a capital after every character that has no case. */
export function title(s: string): string {
  const lower = lowerPoints(s);
  let cased = false;
  return Array.from(s, (c, i) => {
    const out = cased ? lower[i]! : toTitle(c);
    cased = isCased(c);
    return out;
  }).join('');
}

export function capitalize(s: string): string {
  const points = Array.from(s);
  const first = points[0];
  return first === undefined ? '' : toTitle(first) + lowerPoints(s).slice(1).join('');
}

const OTHER_CASED =
  /[\u02b0-\u02b8\u02c0\u02c1\u02e0-\u02e4\u0345\u037a\u1d2c-\u1d6a\u1d78\u1d9b-\u1dbf\u2071\u207f\u2090-\u209c\u2160-\u217f\u24b6-\u24e9\u2c7c\u2c7d\ua69c\ua69d\ua770\ua7f8\ua7f9\uab5c-\uab5f]/u;
const CASED_LETTER = /[\p{Lu}\p{Ll}\p{Lt}]/u;
const isCased = (c: string): boolean =>
  CASED_LETTER.test(c) || OTHER_CASED.test(c) || c === 'ª' || c === 'º';

/** The lower case of each code point; a sigma at a word's end depends on what stands around it. */
function lowerPoints(s: string): string[] {
  if (!s.includes('Σ')) return Array.from(s, (c) => c.toLowerCase());
  const lower = s.toLowerCase();
  let at = 0;
  return Array.from(s, (c) => {
    const from = at;
    at += c === 'Σ' ? 1 : c.toLowerCase().length;
    return lower.slice(from, at);
  });
}

/** str.islower or isupper: at least one cased character, and none of the other case. */
export function isCase(s: string, upper: boolean): boolean {
  let some = false;
  for (const c of s) {
    if (!isCased(c)) continue;
    if (/\p{Lt}/u.test(c)) return false;
    if (upper ? c !== c.toUpperCase() : c !== c.toLowerCase()) return false;
    some = true;
  }
  return some;
}

export const isDigits = (s: string): boolean =>
  /^[\p{Nd}\u00b2\u00b3\u00b9\u2070-\u2079\u2080-\u2089\u2460-\u2468]+$/u.test(s);
export const isAlpha = (s: string): boolean => /^\p{L}+$/u.test(s);
export const isAlnum = (s: string): boolean => /^[\p{L}\p{N}]+$/u.test(s);
