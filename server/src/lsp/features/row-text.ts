import type { Position, Range } from 'vscode-languageserver';
import type { LineDocument } from '../../live/text/line-document.js';

/** From `from` to `to` in UTF-16 units of a row's text. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A row's text as it stands, and where its offsets are. */
export class RowText {
  readonly text: string;
  private readonly starts: number[] = [];

  constructor(
    document: LineDocument,
    private readonly line: number,
    endLine: number,
  ) {
    let at = 0;
    const lines = document.lines.slice(line, endLine + 1);
    for (const l of lines) {
      this.starts.push(at);
      at += l.length;
    }
    this.text = lines.join('');
  }

  offset({ line, character }: Position): number {
    return (this.starts[line - this.line] ?? Number.NaN) + character;
  }

  position(offset: number): Position {
    let n = this.starts.length - 1;
    while (n > 0 && (this.starts[n] ?? 0) > offset) n--;
    return { line: this.line + n, character: offset - (this.starts[n] ?? 0) };
  }

  range({ from, to }: Span): Range {
    return { start: this.position(from), end: this.position(to) };
  }
}
