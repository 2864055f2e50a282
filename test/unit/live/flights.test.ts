import { describe, expect, it } from 'vitest';
import { Ledger } from '../../../server/src/audit/index.js';
import { parseRow } from '../../../server/src/datasets/index.js';
import type { GroupResult } from '../../../server/src/engine/types.js';
import { Flights } from '../../../server/src/live/text/flights.js';
import { RowEntry } from '../../../server/src/live/text/row-entry.js';
import { LazyEvaluator } from '../../../server/src/session/model/lazy-evaluator.js';
import { ScoreService } from '../../../server/src/session/score-service.js';
import { slotsOf } from '../../../server/src/session/slots.js';
import { scoreOf, SETTINGS, TextEvaluator } from '../audit/helpers.js';

const [event] = parseRow('{"prompt":"p","response":"r"}', 0, 0);
const row = event?.type === 'row' ? event.row : undefined;

/** A row on its way to an evaluator that answers when it is told to. */
function airport() {
  const answers: { resolve: (r: GroupResult) => void; reject: (e: unknown) => void }[] = [];
  const evaluator = new TextEvaluator();
  evaluator.score = () => new Promise((resolve, reject) => answers.push({ resolve, reject }));
  const service = new ScoreService(LazyEvaluator.of(evaluator), undefined);
  const ledger = new Ledger(evaluator.info, SETTINGS);
  const entry = new RowEntry(0, 0, 0, [], undefined, row);
  const number = () => entry.number(ledger.add(0, slotsOf(row!)), false);
  number();
  const host = { service, ledger, signal: new AbortController().signal };
  const flights = new Flights({
    ...host,
    data: () => row,
    landed: () => undefined,
    failed: (e) => expect.fail(String(e)),
  });
  const result: GroupResult = { results: [[{ ok: true, score: scoreOf(1) }]] };
  return { answers, entry, flights, ledger, number, result };
}
const abort = () => new DOMException('cancelled', 'AbortError');

describe('a row that flies', () => {
  it('lands with its scores, and may fly again where nothing came of it', async () => {
    const { answers, entry, flights, ledger, result } = airport();
    const first = flights.send(entry, 0);
    expect(entry.state).toBe('flying');
    answers[0]!.reject(abort());
    await first;
    expect(entry.state).toBe('missing');
    const second = flights.send(entry, 0);
    answers[1]!.resolve(result);
    await second;
    expect([entry.state, ledger.scored]).toEqual(['done', 1]);
  });

  it('is not marked by a flight from before it was begun anew', async () => {
    const { answers, entry, flights, ledger, number, result } = airport();
    const old = flights.send(entry, 0);
    entry.beginAnew();
    number();
    const fresh = flights.send(entry, 0);
    answers[0]!.reject(abort());
    await old;
    expect(entry.state).toBe('flying');
    answers[1]!.resolve(result);
    await fresh;
    expect([entry.state, ledger.table.scored(entry.ids[0]!)]).toEqual(['done', true]);
  });

  it('does not land twice', async () => {
    const { answers, entry, flights, number, result } = airport();
    const old = flights.send(entry, 0);
    entry.beginAnew();
    answers[0]!.resolve(result);
    await old;
    expect(entry.state).toBe('read');
    number();
    expect(() => entry.number([], true)).toThrow('a row that is missing cannot become done');
  });
});
