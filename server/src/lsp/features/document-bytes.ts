import type { Position, Range } from 'vscode-languageserver';
import type { Span } from '../../datasets/index.js';
import type { LineDocument } from '../../live/text/line-document.js';

/** Characters that are encoded at a time: of a document on one line only what is read. */
const PIECE = 1 << 14;

interface Piece extends Position {
  /** Of its first byte. */
  readonly start: number;
  readonly bytes: Buffer;
  /** Where its text ends, in its line. */
  readonly to: number;
}

const isLow = (text: string, at: number): boolean => (text.charCodeAt(at) & 0xfc00) === 0xdc00;

/** A document as the bytes of its file, around one known position, and where its bytes stand in the text. */
export class DocumentBytes {
  /** Without a gap, in ascending order. */
  private readonly pieces: Piece[];

  /** @param anchor a position; @param byte its offset, from which all others are counted */
  constructor(
    private readonly document: LineDocument,
    anchor: Position,
    byte: number,
  ) {
    const { line, character } = anchor;
    this.pieces = [{ line, character, to: character, start: byte, bytes: Buffer.alloc(0) }];
  }

  /** Bytes [from, to), cut at the document's beginning and end. */
  readonly read = (from: number, to: number): Buffer => {
    this.reach(from, to);
    const { start } = this.pieces[0]!;
    const overlapping = this.pieces.filter((p) => p.start + p.bytes.length > from && p.start < to);
    const first = Math.max(from, overlapping[0]?.start ?? start);
    const bytes = Buffer.concat(overlapping.map((p) => p.bytes));
    const skip = first - (overlapping[0]?.start ?? start);
    return bytes.subarray(skip, Math.max(skip, to - first + skip));
  };

  range({ start, end }: Span): Range {
    return { start: this.position(start), end: this.position(end) };
  }

  private position(byte: number): Position {
    this.reach(byte, byte + 1);
    // At a line's end it is the beginning of the next, if there is one.
    const piece = this.pieces.findLast((p) => p.start <= byte) ?? this.pieces[0]!;
    const { line, character, start, bytes } = piece;
    return { line, character: character + bytes.toString('utf8', 0, byte - start).length };
  }

  private reach(from: number, to: number): void {
    while (this.pieces[0]!.start > from && this.up());
    for (let last = this.pieces.at(-1)!; last.start + last.bytes.length < to;) {
      if (!this.down(last)) return;
      last = this.pieces.at(-1)!;
    }
  }

  private up(): boolean {
    const { line, character, start } = this.pieces[0]!;
    if (line === 0 && character === 0) return false;
    const n = character > 0 ? line : line - 1;
    const text = this.document.lines[n] ?? '';
    const to = character > 0 ? character : text.length;
    let from = Math.max(0, to - PIECE);
    if (from > 0 && isLow(text, from)) from--;
    const bytes = Buffer.from(text.slice(from, to));
    this.pieces.unshift({ line: n, character: from, to, start: start - bytes.length, bytes });
    return true;
  }

  private down(last: Piece): boolean {
    const { lines } = this.document;
    const n = last.to < (lines[last.line] ?? '').length ? last.line : last.line + 1;
    if (n >= lines.length) return false;
    const text = lines[n]!;
    const from = n === last.line ? last.to : 0;
    let to = Math.min(text.length, from + PIECE);
    if (to < text.length && isLow(text, to)) to++;
    const bytes = Buffer.from(text.slice(from, to));
    this.pieces.push({
      line: n,
      character: from,
      to,
      start: last.start + last.bytes.length,
      bytes,
    });
    return true;
  }
}
