import { Locator } from '../input/bytes.js';
import type { RecordOptions } from '../record.js';
import { between, oversized, problem, utf8Problem } from '../record.js';
import { PlacedText } from '../text.js';
import { transcriptOf } from './turns.js';
import type { DatasetEvent } from '../types.js';
import type { ByteWindow } from '../input/window.js';
import { aiderChats, isAider } from './aider.js';

/** A Markdown or plain-text transcript: the whole file is one row. */
export async function* readMarkdown(w: ByteWindow, o: RecordOptions): AsyncGenerator<DatasetEvent> {
  while (w.size <= o.maxRowBytes && (await w.fill()));
  if (w.size > o.maxRowBytes) {
    const from = w.position();
    do w.drop(w.size);
    while (await w.fill());
    w.drop(w.size);
    yield oversized(o.firstRow, between(from, w.position()), o.maxRowBytes);
    return;
  }
  const { buf, origin } = w.view(w.size);
  const locator = new Locator(buf, 0, buf.length, origin);
  const bad = utf8Problem(o.firstRow, locator);
  if (bad !== undefined) yield bad;
  const nul = buf.indexOf(0);
  if (nul >= 0) {
    yield problem(
      o.firstRow,
      locator.char(nul),
      'malformed-row',
      'found a NUL byte, expected text (the file may be damaged)',
    );
  }
  const text = new PlacedText(locator, 0, buf.length, 'lines');
  if (text.value.trim() === '') {
    const place = between(origin, w.position());
    yield problem(undefined, place, 'empty-file', 'the file holds no text; expected a transcript');
    w.advance(buf.length);
    return;
  }
  if (isAider(text.value)) {
    yield* aider(text, locator, o);
    w.advance(buf.length);
    return;
  }
  const transcript = transcriptOf(text.value);
  const turns = transcript.turns.map(({ role, from, to }) => ({
    role,
    content: text.value.slice(from, to),
    place: text.place(from, to),
  }));
  for (const { from, to, message } of transcript.doubts)
    yield problem(o.firstRow, text.place(from, to), 'stray-text', message);
  const place = locator.place(0, buf.length);
  const targets = turns.flatMap((t, i) => (t.role === 'assistant' ? [i] : []));
  if (targets.length === 0) {
    const message =
      "found no talk of user and assistant; expected headings or labels in turn, such as '## User' and '## Assistant', '**User:**' and '**Assistant:**', or 'User:' and 'Assistant:'";
    yield problem(o.firstRow, place, 'missing-field', message);
  } else {
    const conversations = [{ kind: 'transcript' as const, label: 'transcript', turns, targets }];
    yield { type: 'row', row: { index: o.firstRow, place, conversations } };
  }
  w.advance(buf.length);
}

/** Each chat of aider's history is a row. */
function* aider(text: PlacedText, locator: Locator, o: RecordOptions): Generator<DatasetEvent> {
  let index = o.firstRow;
  for (const chat of aiderChats(text.value)) {
    const turns = chat.map(({ role, from, to }) => ({
      role,
      content: text.value.slice(from, to),
      place: text.place(from, to),
    }));
    const targets = turns.flatMap((t, i) => (t.role === 'assistant' ? [i] : []));
    const [first, last] = [turns[0]!.place, turns.at(-1)!.place];
    // Begun and left, without an answer: no row, and nothing wrong.
    if (targets.length === 0) continue;
    const place = between(
      { byte: first.start, line: first.line, column: first.column },
      { byte: last.end, line: last.endLine, column: last.endColumn },
    );
    const conversations = [{ kind: 'transcript' as const, label: 'transcript', turns, targets }];
    yield { type: 'row', row: { index: index++, place, conversations } };
  }
}
