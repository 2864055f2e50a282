import { type Origin, Locator, firstInvalidUtf8 } from './bytes.js';
import type { FieldMapping } from './formats.js';
import { JsonSyntaxError, parseJson, type ValueNode } from './json-tree.js';
import { interpret } from './rows.js';
import type { DatasetEvent, DatasetProblem, Place } from './types.js';

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

/** The row of a parsed record, or the problem that it lacks a field. */
export function rowEvent(
  index: number,
  place: Place,
  node: ValueNode,
  mapping: FieldMapping | undefined,
): DatasetEvent {
  const found = interpret(node, mapping);
  return found.ok
    ? { type: 'row', row: { index, place, conversations: found.conversations } }
    : problem(index, place, 'missing-field', found.missing);
}

/** The problem of bytes that are no UTF-8; the row is still read, with U+FFFD in their place. */
export function utf8Problem(index: number | undefined, locator: Locator): DatasetEvent | undefined {
  const at = firstInvalidUtf8(locator.buf, locator.from, locator.to);
  if (at < 0) return undefined;
  const byte = locator.buf[at]!.toString(16).padStart(2, '0');
  return problem(
    index,
    locator.place(at, at + 1),
    'invalid-utf8',
    `byte 0x${byte} is no valid UTF-8 here; it is read as U+FFFD. Expected a UTF-8 file`,
  );
}

/**
 * All events of one JSON record.
 * @param buf exactly the record's bytes; @param atEnd the file ends with them, without a line end
 */
export function jsonEvents(
  buf: Buffer,
  origin: Origin,
  index: number,
  mapping: FieldMapping | undefined,
  atEnd: boolean,
): DatasetEvent[] {
  const locator = new Locator(buf, 0, buf.length, origin);
  const events: DatasetEvent[] = [];
  const bad = utf8Problem(index, locator);
  if (bad !== undefined) events.push(bad);
  try {
    const json = parseJson(locator);
    for (const { key, start, end } of json.duplicates) {
      const message = `the key '${key.slice(0, 80)}' stands twice in one object; the last one is read. Expected each key once`;
      events.push(problem(index, locator.place(start, end), 'duplicate-key', message));
    }
    events.push(rowEvent(index, locator.place(json.start, json.end), json.node, mapping));
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const cut = error.truncated && atEnd;
    const nul = buf[error.pos] === 0 ? ' (NUL bytes: the file may be damaged)' : '';
    const place = locator.place(error.pos, Math.min(buf.length, error.pos + 1));
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
