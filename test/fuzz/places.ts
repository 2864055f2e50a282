import { gunzipSync } from 'node:zlib';
import { createPlaceMap, encodingOf, type Container, type DatasetEvent, type Place } from '../../server/src/datasets/index.js'; // prettier-ignore

/** A file as an editor shows it: lines that end with \n, \r\n or \r, columns in UTF-16 units, no byte order mark. */
export class EditorView {
  private readonly starts: number[] = [0];
  private readonly ends: number[] = [];
  readonly text: string;

  constructor(readonly bytes: Buffer) {
    this.text = bytes.toString('utf8').replace(/^\ufeff/, '');
    for (const m of this.text.matchAll(/\r\n|\n|\r/g)) {
      this.ends.push(m.index);
      this.starts.push(m.index + m[0].length);
    }
    this.ends.push(this.text.length);
  }

  /** What the bytes of a place say. */
  slice(p: Place): string {
    return this.bytes.toString('utf8', p.start, p.end);
  }

  private offset(line: number, column: number): number | undefined {
    const [start, end] = [this.starts[line], this.ends[line]];
    return start === undefined || end === undefined || column < 0 || start + column > end ? undefined : start + column; // prettier-ignore
  }

  /** What lines and columns of a place say; undefined where they are outside of the text. */
  sliceByColumns(p: Place): string | undefined {
    const from = this.offset(p.line, p.column);
    const to = this.offset(p.endLine, p.endColumn);
    return from === undefined || to === undefined || to < from
      ? undefined
      : this.text.slice(from, to);
  }
}

const show = (value: unknown): string => (JSON.stringify(value) ?? 'undefined').slice(0, 200);

/** Decodes what stands at a place by the rules of its format, without the program's own code. */
function decode(view: EditorView, p: Place, container: Container): string {
  const written = view.slice(p);
  if (p.raw === true) return written;
  if (container === 'markdown') return written.replaceAll('\r\n', '\n');
  if (container === 'json' || container === 'jsonl') {
    // No escape, no JSON needed: numbers and characters that are no UTF-8 are as they are.
    return written.includes('\\') ? (JSON.parse(`"${written}"`) as string) : written;
  }
  return written.replaceAll('""', '"');
}

/** What is wrong with the places of a file's events; undefined when nothing is. */
export function misplaced(
  file: Buffer,
  container: Container | undefined,
  events: readonly DatasetEvent[],
): string | undefined {
  if (container === 'parquet') return undefined;
  const bytes = plain(file);
  if (bytes === undefined) return undefined;
  const view = new EditorView(bytes);
  const range = (what: string, p: Place): string | undefined => {
    if (!(p.start >= 0 && p.start <= p.end && p.end <= bytes.length))
      return `${what}: bytes ${p.start} to ${p.end} of ${bytes.length}`;
    const seen = view.sliceByColumns(p);
    if (seen === undefined) return `${what}: no such lines and columns ${show(p)}`;
    // The mark at the file's beginning has bytes and no column.
    const said = p.start === 0 ? view.slice(p).replace(/^\ufeff/, '') : view.slice(p);
    return seen === said ? undefined : `${what}: lines and columns say ${show(seen)}, bytes ${show(said)} ${show(p)}`; // prettier-ignore
  };
  let last = -1;
  for (const event of events) {
    if (event.type === 'problem') {
      const { problem } = event;
      const wrong = range(`problem '${problem.message.slice(0, 60)}'`, problem.place);
      if (wrong !== undefined) return wrong;
      if (problem.message === '') return 'a problem without a message';
      continue;
    }
    const { row } = event;
    if (row.index <= last) return `row ${row.index} after row ${last}`;
    last = row.index;
    const wrong = range(`row ${row.index}`, row.place);
    if (wrong !== undefined) return wrong;
    for (const turn of row.conversations.flatMap((c) => c.turns)) {
      for (const piece of turn.pieces ?? []) {
        const bad = range(`row ${row.index}, a piece`, piece);
        if (bad !== undefined) return bad;
      }
      if (turn.place === undefined) continue;
      const p = turn.place;
      const bad = range(`row ${row.index}, ${turn.role}`, p);
      if (bad !== undefined) return bad;
      const decoded = decode(view, p, container ?? 'jsonl');
      if (decoded !== turn.content)
        return `row ${row.index}, ${turn.role}: bytes decode to ${show(decoded)}, the text is ${show(turn.content)}`;
      const map = createPlaceMap(
        bytes.subarray(p.start, p.end),
        p,
        encodingOf(container ?? 'jsonl'),
      );
      if (map.text !== turn.content) return `row ${row.index}: the map's text is ${show(map.text)}`;
      for (let i = 0, n = 0; i < turn.content.length && n < 64; n++) {
        // An editor has no position between CR and LF.
        const size = /^(?:\r\n|[^])/u.exec(turn.content.slice(i, i + 2))![0].length;
        const part = map.place(i, i + size);
        const off = range(`row ${row.index}, character ${i}`, part);
        if (off !== undefined) return off;
        i += size;
      }
    }
  }
  return undefined;
}

/** The text's bytes of a file that may be compressed; undefined where they are damaged. */
export function plain(file: Buffer): Buffer | undefined {
  if (file[0] !== 0x1f || file[1] !== 0x8b) return file;
  try {
    return gunzipSync(file);
  } catch {
    return undefined;
  }
}
