import type { ByteEdit, ReadBytes } from '../datasets/index.js';

/** Lines around a change, as `diff -u` has them. */
const CONTEXT = 3;
const LF = 0x0a;

interface Change {
  /** Whole lines of the file [start, end), and what they become. */
  readonly start: number;
  end: number;
  edits: ByteEdit[];
}

/**
 * The edits as a unified diff, which `patch` takes. Lines end with LF alone, as there.
 * @param read of the file's plain bytes; @param size of them
 */
export function* unifiedDiff(
  edits: readonly ByteEdit[],
  from: string,
  to: string,
  read: ReadBytes,
  size: number,
): Generator<string> {
  if (edits.length === 0) return;
  yield `--- ${from}`;
  yield `+++ ${to}`;
  const counter = new LineCounter(read, size);
  let shift = 0;
  for (const hunk of hunks(changesOf(edits, read, size), read, size)) {
    const start = back(hunk[0]!.start, CONTEXT, read);
    const end = ahead(hunk.at(-1)!.end, CONTEXT, read, size);
    const first = counter.lineOf(start) + 1;
    const lines: string[] = [];
    let [old, now] = [0, 0];
    const put = (sign: ' ' | '-' | '+', of: readonly Line[]): void => {
      for (const line of of) {
        lines.push(sign + line.text);
        if (!line.ended) lines.push('\\ No newline at end of file');
        if (sign !== '+') old++;
        if (sign !== '-') now++;
      }
    };
    let at = start;
    for (const change of hunk) {
      put(' ', linesIn(read(at, change.start)));
      const before = linesIn(read(change.start, change.end));
      const after = linesIn(become(change, read));
      // An edit from the middle of a line to the middle of another may leave a line as it was.
      const same = (i: number, j: number) =>
        before[i]?.text === after[j]?.text && before[i]?.ended === after[j]?.ended;
      const shorter = Math.min(before.length, after.length);
      let [head, tail] = [0, 0];
      while (head < shorter && same(head, head)) head++;
      while (tail < shorter - head && same(before.length - 1 - tail, after.length - 1 - tail))
        tail++;
      put(' ', before.slice(0, head));
      put('-', before.slice(head, before.length - tail));
      put('+', after.slice(head, after.length - tail));
      put(' ', before.slice(before.length - tail));
      at = change.end;
    }
    put(' ', linesIn(read(at, end)));
    const range = (line: number, n: number) => `${n === 0 ? line - 1 : line},${n}`;
    yield `@@ -${range(first, old)} +${range(first + shift, now)} @@`;
    yield* lines;
    shift += now - old;
  }
}

/** Edits joined where they touch the same lines. */
function* changesOf(edits: readonly ByteEdit[], read: ReadBytes, size: number): Generator<Change> {
  let open: Change | undefined;
  for (const edit of edits) {
    const start = back(edit.start, 0, read);
    // What ends with its line takes that line; what ends inside of one takes the whole.
    const ends =
      edit.end > edit.start && read(edit.end - 1, edit.end)[0] === LF && edit.start === start;
    const end = ends && edit.bytes.length === 0 ? edit.end : ahead(edit.end, 1, read, size);
    if (open !== undefined && start < open.end) {
      open.end = Math.max(open.end, end);
      open.edits.push(edit);
      continue;
    }
    if (open !== undefined) yield open;
    open = { start, end, edits: [edit] };
  }
  if (open !== undefined) yield open;
}

function* hunks(changes: Iterable<Change>, read: ReadBytes, size: number): Generator<Change[]> {
  let hunk: Change[] = [];
  for (const change of changes) {
    const last = hunk.at(-1);
    if (
      last !== undefined &&
      ahead(last.end, CONTEXT, read, size) < back(change.start, CONTEXT, read)
    ) {
      yield hunk;
      hunk = [];
    }
    hunk.push(change);
  }
  if (hunk.length > 0) yield hunk;
}

function become({ start, end, edits }: Change, read: ReadBytes): Buffer {
  const parts: Uint8Array[] = [];
  let at = start;
  for (const edit of edits) {
    parts.push(Buffer.from(read(at, edit.start)), edit.bytes);
    at = edit.end;
  }
  parts.push(Buffer.from(read(at, end)));
  return Buffer.concat(parts);
}

/** The beginning of the line at `at`, and of `lines` lines before it. */
function back(at: number, lines: number, read: ReadBytes): number {
  let left = lines + 1;
  for (let i = at - 1; i >= 0; i--) if (read(i, i + 1)[0] === LF && --left === 0) return i + 1;
  return 0;
}

/** The end of `lines` lines from `at` on. */
function ahead(at: number, lines: number, read: ReadBytes, size: number): number {
  let left = lines;
  for (let i = at; i < size && left > 0; i++)
    if (read(i, i + 1)[0] === LF && --left === 0) return i + 1;
  return left > 0 ? size : at;
}

interface Line {
  readonly text: string;
  readonly ended: boolean;
}

function linesIn(bytes: Buffer): Line[] {
  const lines: Line[] = [];
  for (let at = 0; at < bytes.length;) {
    const lf = bytes.indexOf(LF, at);
    lines.push({ text: bytes.toString('utf8', at, lf < 0 ? bytes.length : lf), ended: lf >= 0 });
    at = lf < 0 ? bytes.length : lf + 1;
  }
  return lines;
}

/** Numbers of lines, asked for in ascending order. */
class LineCounter {
  private at = 0;
  private line = 0;
  constructor(
    private readonly read: ReadBytes,
    private readonly size: number,
  ) {}
  lineOf(byte: number): number {
    const to = Math.min(byte, this.size);
    while (this.at < to) {
      const piece = this.read(this.at, Math.min(to, this.at + (1 << 16)));
      if (piece.length === 0) break;
      for (const b of piece) if (b === LF) this.line++;
      this.at += piece.length;
    }
    return this.line;
  }
}
