import { Locator, type Origin } from '../input/bytes.js';
import type { RecordOptions } from '../record.js';
import { JsonSyntaxError, parseJson, type RecordNode } from '../json/tree.js';
import { between, jsonEvents, problem, recordProblems } from '../record.js';
import { interpret } from '../rows/index.js';
import { listOf, recordOf, said, at, has } from '../rows/exports/rewrite.js';
import type { DatasetEvent, Place } from '../types.js';
import type { ByteWindow } from '../input/window.js';
import { claudeCode } from './claude-code.js';
import type { LogKind } from './kinds.js';
import type { Line, Talk } from './line.js';
import { sessionState } from './session-log.js';

/**
 * A log of which many lines make a conversation: each conversation is a row, whose place runs from its first
 * line to its last. The lines are in memory as long as the log is read.
 */
export async function* readLog(
  w: ByteWindow,
  kind: LogKind,
  o: RecordOptions,
): AsyncGenerator<DatasetEvent> {
  const lines: Line[] = [];
  let ordinal = 0;
  let searched = 0;
  for (;;) {
    const end = w.lineEnd(searched);
    if (end === undefined && !w.eof) {
      searched = Math.max(0, w.size - 1);
      await w.fill();
      continue;
    }
    searched = 0;
    const { buf, origin } = w.view(end?.at ?? w.size);
    if (buf.toString('latin1').trim() !== '') {
      // The window's bytes are used again; the texts of a log are needed at its end.
      yield* parsed(Buffer.from(buf), origin, ordinal++, end === undefined, lines);
    }
    if (end === undefined) break;
    w.advanceLine(end.next);
  }
  w.advance(w.size);
  if (lines.length === 0) return;
  if (kind === 'vscode-chat') yield* state(lines);
  else yield* talksOf(lines, kind, o);
}

function* parsed(
  buf: Buffer,
  origin: Origin,
  ordinal: number,
  atEnd: boolean,
  lines: Line[],
): Generator<DatasetEvent> {
  const locator = new Locator(buf, 0, buf.length, origin);
  try {
    const json = parseJson(locator);
    yield* recordProblems(undefined, locator, json);
    if (json.node.kind === 'record')
      lines.push({ ordinal, record: json.node, place: locator.place(json.start, json.end) });
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    // Says where the line is malformed; a session that still runs may end inside of one.
    for (const event of jsonEvents(buf, origin, ordinal, { mapping: undefined }, atEnd))
      if (event.type === 'problem') yield event;
  }
}

function* state(lines: readonly Line[]): Generator<DatasetEvent> {
  const { state: root, lost } = sessionState(lines);
  const place = around(lines);
  for (const line of lost) {
    const message = 'this change names a place that the chat does not have; it is left out. Expected a path (k) of the state before it'; // prettier-ignore
    yield problem(0, line.place, 'unread-part', message);
  }
  if (root === undefined) return;
  const requests = at(root, 'requests');
  // A chat that was opened and never used.
  if (requests?.kind !== 'list' || requests.items.length === 0) return;
  yield* rowOf(0, place, root);
}

function* rowOf(
  index: number,
  place: Place,
  root: RecordNode,
  label?: string,
): Generator<DatasetEvent> {
  const found = interpret(root);
  if (!found.ok) {
    if (!found.aside) yield problem(index, found.place ?? place, 'missing-field', found.missing);
    return;
  }
  for (const n of found.notes) yield problem(index, n.place ?? place, n.code, n.message);
  const conversations = found.conversations.map((c) => (label === undefined ? c : { ...c, label }));
  yield { type: 'row', row: { index, place, conversations } };
}

const position = (p: Place): Origin => ({ byte: p.start, line: p.line, column: p.column });
function around(lines: readonly Line[]): Place {
  const [first, last] = [lines[0]!.place, lines.at(-1)!.place];
  return between(position(first), { byte: last.end, line: last.endLine, column: last.endColumn });
}

function* talksOf(
  lines: readonly Line[],
  kind: LogKind,
  o: RecordOptions,
): Generator<DatasetEvent> {
  let index = o.firstRow;
  const { talks, left } =
    kind === 'claude-code' ? claudeCode(lines) : { talks: [plainTalk(lines, kind)], left: 0 };
  if (left > 0) {
    const message = `${left} answers stand on branches that the talk left (it was rewound); they are not read. Expected one line of messages from the last one up`;
    yield problem(undefined, around(lines), 'unread-part', message);
  }
  for (const talk of talks) {
    // Nothing was answered: no row, and nothing wrong.
    if (!talk.messages.some((m) => said(m, 'role') === 'assistant')) continue;
    const root = recordOf({ messages: listOf(talk.messages) });
    yield* rowOf(index++, around(talk.lines), root, talk.label);
  }
}

/** Codex and Hugging Face's session traces: the messages as they come. */
function plainTalk(lines: readonly Line[], kind: LogKind): Talk {
  const used: Line[] = [];
  const messages: RecordNode[] = [];
  for (const line of lines) {
    const type = said(line.record, 'type');
    // `event_msg` says the same again.
    const item =
      kind === 'session-trace'
        ? at(line.record, 'message')
        : type === 'response_item'
          ? at(line.record, 'payload')
          : line.record;
    if (item?.kind !== 'record' || !has(item, 'role', 'content')) continue;
    if (kind === 'codex' && said(item, 'type') !== 'message') continue;
    used.push(line);
    messages.push(recordOf({ role: at(item, 'role'), content: at(item, 'content') }));
  }
  return { label: 'transcript', lines: used.length > 0 ? used : lines, messages };
}
