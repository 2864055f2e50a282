import fc from 'fast-check';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { describe, expect, it } from 'vitest';
import { LineDocument, splitLines, stripEnd } from '../../../server/src/live/text/line-document.js';

const piece = fc.constantFrom('a', 'é', '🎉', '\n', '\r\n', '\r', '', 'text ', '{"x":1}', '\u2028');
const text = fc.array(piece, { maxLength: 12 }).map((p) => p.join(''));
const position = fc.record({ line: fc.nat(8), character: fc.nat(12) });
const changes = fc.array(
  fc.record({ a: position, b: position, text, whole: fc.integer({ max: 1, min: 0 }) }),
  { maxLength: 8 },
);

describe('LineDocument', () => {
  it('follows edits as the reference document does', () => {
    fc.assert(
      fc.property(text, changes, (start, edits) => {
        const reference = TextDocument.create('file:///a', 'x', 1, start);
        const mine = new LineDocument('file:///a', 1, start);
        for (const { a, b, text: inserted, whole } of edits) {
          const swapped = a.line > b.line || (a.line === b.line && a.character > b.character);
          // The reference may cut a line end in two; LSP positions never lie inside one.
          const at = (p: typeof a) => {
            const line = Math.min(p.line, mine.lines.length - 1);
            const most = stripEnd(mine.lines[line] ?? '').length;
            return { line, character: p.line > line ? most : Math.min(p.character, most) };
          };
          const range = swapped ? { start: at(b), end: at(a) } : { start: at(a), end: at(b) };
          const change = whole === 1 ? { text: inserted } : { range, text: inserted };
          const before = mine.lines.length;
          TextDocument.update(reference, [change], 2);
          const { removed, added } = mine.apply(change);
          expect(mine.lines.join('')).toBe(reference.getText());
          expect(mine.lines).toHaveLength(reference.lineCount);
          expect(mine.lines.length - before).toBe(added - removed);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('splits lines without losing a character', () => {
    fc.assert(
      fc.property(text, (t) => {
        const lines = splitLines(t);
        expect(lines.join('')).toBe(t);
        expect(lines.map(stripEnd)).toEqual(t.split(/\r\n|\r|\n/));
      }),
    );
  });

  it('gives the text of a range and the bytes of the whole', () => {
    const t = 'one\r\ntwö\nthree';
    const document = new LineDocument('file:///a', 1, t);
    const range = { start: { line: 0, character: 2 }, end: { line: 2, character: 2 } };
    expect(document.slice(range)).toBe('e\r\ntwö\nth');
    expect(Buffer.concat([...document.chunks()]).toString()).toBe(t);
  });
});
