import { type Origin, Locator, firstInvalidUtf8 } from './input/bytes.js';
import { asideOf } from './aside.js';
import type { FieldMapping, Meaning } from './formats.js';
import {
  JsonSyntaxError,
  parseJson,
  type ParsedJson,
  type Stray,
  type ValueNode,
} from './json/tree.js';
import { interpret, type Interpretation } from './rows/index.js';
import type { DatasetEvent, DatasetProblem, Place } from './types.js';

/** What gives a record fields that stand elsewhere. */
interface Completing {
  readonly complete?: ((record: ValueNode) => ValueNode) | undefined;
}

/** How the records of a file are read. */
export interface RecordOptions extends Meaning, Completing {
  readonly maxRowBytes: number;
  /** Ordinal of the first record. */
  readonly firstRow: number;
  /** Told in the end, by a reader of lines: the ordinal after the last record's. */
  readonly ended?: ((next: number) => void) | undefined;
}

/** Codes of problems that cost nothing: the row is read nevertheless. */
export const READ_NEVERTHELESS: ReadonlySet<DatasetProblem['code']> = new Set([
  'unread-part',
  'blank-prompt',
  'other-prompt',
  'unknown-role',
  'chat-markup',
]);

export const problem = (
  index: number | undefined,
  place: Place,
  code: DatasetProblem['code'],
  message: string,
): DatasetEvent => ({ type: 'problem', problem: { index, place, code, message } });

/** The place between two positions. */
export const between = (a: Origin, b: Origin): Place => ({
  line: a.line,
  column: a.column,
  endLine: b.line,
  endColumn: b.column,
  start: a.byte,
  end: b.byte,
});

export const oversized = (index: number, place: Place, max: number): DatasetEvent =>
  problem(
    index,
    place,
    'oversized-row',
    `the record has ${place.end - place.start} bytes; expected at most ${max} (maxRowBytes)`,
  );

/** `{"row_idx": 0, "row": {…}}` of the dataset viewer of Hugging Face holds its row one level down. */
export function rowOf(node: ValueNode): ValueNode {
  const row =
    node.kind === 'record' && node.fields.has('row_idx') ? node.fields.get('row') : undefined;
  return row?.kind === 'record' ? row : node;
}

/** What is said of a row whose cells the viewer shortened; undefined where it did not. */
function cutCells(node: ValueNode): string | undefined {
  const cells = rowOf(node) === node || node.kind !== 'record' ? undefined : node.fields.get('truncated_cells'); // prettier-ignore
  if (cells?.kind !== 'list' || cells.items.length === 0) return undefined;
  const names = cells.items.map((cell) =>
    cell.kind === 'text' ? `'${cell.value.slice(0, 40)}'` : '?',
  );
  return `the dataset viewer cut the cells ${names.slice(0, 12).join(', ')} of this row: the score is of what is left. Expected the data set itself (its Parquet files)`;
}

/** What a record, or the row inside it, is understood as. */
export const meaningOf = (node: ValueNode, mapping: FieldMapping | undefined): Interpretation =>
  interpret(rowOf(node), mapping);

const IN_INPUT =
  "no prompt: it stands in the batch's input file; expected that file (JSON Lines, not compressed), with the same custom_id, in the folder of this one";

/** Where nothing stands beside the text. */
const NOT_BESIDE =
  "no prompt: it stands in the batch's input file, which is looked for beside a file (qrm audit FILE), not beside an open text or a pipe";

/** The row of a parsed record after what is to be said of it, or the problem that it is not understood. */
export function rowEvents(
  index: number,
  place: Place,
  given: ValueNode,
  o: Meaning & Completing,
): DatasetEvent[] {
  const node = o.complete?.(given) ?? given;
  const found = meaningOf(node, o.mapping);
  if (!found.ok) {
    if (found.aside) return [];
    const made = problem(index, found.place ?? place, 'missing-field', found.missing);
    if (found.foreign && made.type === 'problem')
      return [{ ...made, problem: { ...made.problem, foreign: true } }];
    return [made];
  }
  const { conversations, notes, vote } = found;
  const cut = cutCells(node);
  return [
    ...(cut === undefined ? [] : [problem(index, place, 'unread-part', cut)]),
    ...notes.map((n) => {
      const elsewhere = found.schema === 'batch-output' && n.code === 'blank-prompt';
      return problem(
        index,
        n.place ?? place,
        n.code,
        elsewhere ? (o.complete ? IN_INPUT : NOT_BESIDE) : n.message,
      );
    }),
    {
      type: 'row',
      row: {
        index,
        place,
        conversations,
        ...(vote && { vote }),
        ...(o.aside && { aside: asideOf(rowOf(node)) }),
      },
    },
  ];
}

/** The problem of bytes that are no UTF-8; the row is still read, with U+FFFD in their place. */
export function utf8Problem(index: number | undefined, locator: Locator): DatasetEvent | undefined {
  if (locator.isAscii) return undefined;
  const at = firstInvalidUtf8(locator.buf, locator.from, locator.to);
  if (at < 0) return undefined;
  const byte = locator.buf[at]!.toString(16).padStart(2, '0');
  const latin = new TextDecoder('windows-1252').decode(locator.buf.subarray(at, at + 1));
  return problem(
    index,
    locator.char(at),
    'invalid-utf8',
    `byte 0x${byte} (${latin} in Windows-1252) is no valid UTF-8 here; it is read as U+FFFD. Expected a UTF-8 file`,
  );
}

/** What was found in a record, or around it, besides its row: none of it costs the row. */
export function recordProblems(
  index: number | undefined,
  locator: Locator,
  json: ParsedJson,
): DatasetEvent[] {
  const events: DatasetEvent[] = [];
  const bad = utf8Problem(index, locator);
  if (bad !== undefined) events.push(bad);
  for (const { key, start, end } of json.duplicates) {
    const message = `the key '${key.slice(0, 80)}' stands twice in one object; the last one is read. Expected each key once`;
    events.push(problem(index, locator.place(start, end), 'duplicate-key', message));
  }
  for (const { kind, pos } of json.stray)
    events.push(problem(index, locator.char(pos), 'stray-text', STRAY[kind]));
  return events;
}

export const STRAY: Readonly<Record<Stray['kind'], string>> = {
  mark: 'found a byte order mark (U+FEFF) inside the file; it is left out. Expected one at the beginning of a file only (were files joined?)',
  comma:
    "found ',' after the record; the record is read without it. Expected the line end (JSON Lines has one record a line and nothing between)",
};

/**
 * All events of one JSON record.
 * @param buf exactly the record's bytes; @param atEnd the file ends with them, without a line end
 */
export function jsonEvents(
  buf: Buffer,
  origin: Origin,
  index: number,
  o: Meaning & Completing,
  atEnd: boolean,
): DatasetEvent[] {
  const locator = new Locator(buf, 0, buf.length, origin);
  const events: DatasetEvent[] = [];
  try {
    const json = parseJson(locator);
    events.push(...recordProblems(index, locator, json));
    events.push(...rowEvents(index, locator.place(json.start, json.end), json.node, o));
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const bad = utf8Problem(index, locator);
    if (bad !== undefined) events.push(bad);
    const cut = error.truncated && atEnd;
    const nul = buf[error.pos] === 0 ? ' (the file may be damaged)' : '';
    const place = locator.char(error.pos);
    events.push(
      cut
        ? problem(
            index,
            place,
            'truncated-line',
            `the file ends inside this record: ${error.message}`,
          )
        : problem(index, place, 'malformed-row', `malformed JSON: ${error.message}${nul}`),
    );
  }
  return events;
}
