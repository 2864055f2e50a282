/** From `start` up to `end`, lines from 0 and characters in UTF-16 units. */
interface Range {
  readonly start: { readonly line: number; readonly character: number };
  readonly end: { readonly line: number; readonly character: number };
}

/** What became of a text, or of its range. */
export interface TextChange {
  readonly text: string;
  readonly range?: Range;
}

/** Lines as the Language Server Protocol counts them: LF, CRLF or a lone CR ends a line. */
export function splitLines(text: string): string[] {
  const lines: string[] = [];
  let from = 0;
  // indexOf finds each kind of end natively; a character loop over 50 MB would hold up the hovers.
  let lf = text.indexOf('\n');
  let cr = text.indexOf('\r');
  while (lf >= 0 || cr >= 0) {
    let end: number;
    if (cr >= 0 && (lf < 0 || cr < lf)) {
      end = cr + 1 === lf ? lf + 1 : cr + 1;
      if (end > lf && lf >= 0) lf = text.indexOf('\n', end);
      cr = text.indexOf('\r', end);
    } else {
      end = lf + 1;
      lf = text.indexOf('\n', end);
    }
    lines.push(text.slice(from, end));
    from = end;
  }
  lines.push(text.slice(from));
  return lines;
}

/** A line without its end. */
export function stripEnd(line: string): string {
  let to = line.length;
  if (line.charCodeAt(to - 1) === 10) to--;
  if (line.charCodeAt(to - 1) === 13) to--;
  return to === line.length ? line : line.slice(0, to);
}

/** What an edit did: lines [from, from + removed) became [from, from + added). */
export interface LineChange {
  readonly from: number;
  readonly removed: number;
  readonly added: number;
}

/** A text kept as lines (each with its end), so that an edit costs its own lines and not the file. */
export class LineDocument {
  lines: string[];
  /** Another one after every edit. The editor's own version may stay, or change with the text the same. */
  revision = 0;

  constructor(
    readonly uri: string,
    public version: number,
    text: string,
  ) {
    this.lines = splitLines(text);
  }

  /** Applies a change; the whole text when it has no range. */
  apply(change: TextChange): LineChange {
    this.revision++;
    if (change.range === undefined) {
      const removed = this.lines.length;
      this.lines = splitLines(change.text);
      return { from: 0, removed, added: this.lines.length };
    }
    const { start, end } = this.clip(change.range);
    const head = (this.lines[start.line] ?? '').slice(0, start.character);
    const tail = (this.lines[end.line] ?? '').slice(end.character);
    let first = start.line;
    let last = end.line;
    let text = head + change.text + tail;
    const before = this.lines[first - 1];
    if (before?.endsWith('\r') === true && text.startsWith('\n')) {
      text = before + text;
      first--;
    }
    // A line that lost its end goes on with the next one; a CR may meet an LF.
    if (last + 1 < this.lines.length && !/[\r\n]$/.test(text)) text += this.lines[++last] ?? '';
    else if (text.endsWith('\r') && (this.lines[last + 1] ?? '').startsWith('\n')) {
      text += this.lines[++last] ?? '';
    }
    const fresh = splitLines(text);
    // The text's end is the beginning of the line that follows, which stands there already.
    if (last + 1 < this.lines.length && fresh.at(-1) === '') fresh.pop();
    const removed = last - first + 1;
    this.splice(first, removed, fresh);
    return { from: first, removed, added: fresh.length };
  }

  private splice(at: number, removed: number, fresh: string[]): void {
    // Spreading a hundred thousand arguments overflows the stack.
    if (fresh.length < 10_000) this.lines.splice(at, removed, ...fresh);
    else this.lines = this.lines.slice(0, at).concat(fresh, this.lines.slice(at + removed));
  }

  /** Positions beyond a line's or the document's end mean that end (LSP, "Position"). */
  private clip(range: Range): Range {
    const clip = ({ line, character }: Range['start']) => {
      if (line >= this.lines.length) {
        const last = this.lines.length - 1;
        return { line: last, character: stripEnd(this.lines[last] ?? '').length };
      }
      return { line, character: Math.min(character, stripEnd(this.lines[line] ?? '').length) };
    };
    const [a, b] = [clip(range.start), clip(range.end)];
    const backwards = b.line < a.line || (b.line === a.line && b.character < a.character);
    return backwards ? { start: b, end: a } : { start: a, end: b };
  }

  sameText({ lines }: LineDocument): boolean {
    return lines.length === this.lines.length && lines.every((line, n) => line === this.lines[n]);
  }

  line(n: number): string {
    return stripEnd(this.lines[n] ?? '');
  }

  /** The text of a range, line ends as they are. */
  slice(range: Range): string {
    const { start, end } = this.clip(range);
    if (start.line === end.line)
      return (this.lines[start.line] ?? '').slice(start.character, end.character);
    return [
      (this.lines[start.line] ?? '').slice(start.character),
      ...this.lines.slice(start.line + 1, end.line),
      (this.lines[end.line] ?? '').slice(0, end.character),
    ].join('');
  }

  /** The document's bytes, chunk by chunk: never one string of 50 MB. */
  *chunks(): Generator<Uint8Array> {
    const STEP = 2000;
    for (let i = 0; i < this.lines.length; i += STEP)
      yield Buffer.from(this.lines.slice(i, i + STEP).join(''));
  }
}
