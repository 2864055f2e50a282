// What stands in place of JSON, in the words of a message.
import { sequenceLength, type Locator } from '../input/bytes.js';

const NAMED: ReadonlyMap<number, string> = new Map([
  [0, 'a NUL byte'],
  [9, 'a tab'],
  [10, 'a line end'],
  [13, 'a line end'],
]);
/** The character at `pos` in the words of a message. */
export function show({ buf, to }: Locator, pos: number): string {
  const b = buf[pos]!;
  const named = NAMED.get(b);
  if (named !== undefined) return named;
  if (b >= 0x21 && b < 0x7f) return `'${String.fromCharCode(b)}'`;
  const n = b < 0x80 ? 1 : sequenceLength(buf, pos, to);
  const char = buf.toString('utf8', pos, pos + n);
  if (n > 1 && char !== '\ufffd' && !/[\p{Z}\p{C}]/u.test(char)) return `'${char}'`;
  const point = b < 0x80 || (n > 1 && char !== '\ufffd') ? char.codePointAt(0)! : undefined;
  return point === undefined
    ? `byte 0x${b.toString(16).padStart(2, '0')}`
    : `U+${point.toString(16).toUpperCase().padStart(4, '0')}`;
}
/** Words that other languages write for values; what JSON writes. */
export const FOREIGN: readonly (readonly [string, string])[] = [
  ["'", 'JSON has no single quotes; is this the repr of Python?'],
  ['None', 'JSON writes null; is this the repr of Python?'],
  ['True', 'JSON writes true; is this the repr of Python?'],
  ['False', 'JSON writes false; is this the repr of Python?'],
  ['undefined', 'JSON writes null'],
  ['//', 'JSON has no comments'],
  ['/*', 'JSON has no comments'],
  ['#', 'JSON has no comments'],
];
