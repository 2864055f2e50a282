import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditDataset, type AuditSource } from '../../../server/src/audit/index.js';
import type { Evaluator } from '../../../server/src/engine/types.js';
import { LazyEvaluator } from '../../../server/src/session/model/lazy-evaluator.js';
import { scoreRows } from '../../../server/src/session/score-rows.js';
import { ScoreService } from '../../../server/src/session/score-service.js';
import { ScoreStore } from '../../../server/src/store/index.js';
import {
  collect,
  numberOf,
  pairLine,
  scoreOf,
  SETTINGS,
  sourceOf,
  TextEvaluator,
} from './helpers.js';

let folder = '';
let store: ScoreStore;
let evaluator: TextEvaluator;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'qrm-audit-'));
  store = await ScoreStore.open({ folder });
  evaluator = new TextEvaluator();
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const serviceOf = (e: Evaluator) => new ScoreService(LazyEvaluator.of(e), store);
const lines = (n: number, from = 0) =>
  Array.from({ length: n }, (_, i) =>
    pairLine(`p${from + i}`, `good ${from + i}`, `bad ${from + i}`),
  );
const rows = async (text: string, more = {}) =>
  (
    await collect(scoreRows(sourceOf(text).open(), { service: serviceOf(evaluator), ...more }))
  ).flatMap((e) => (e.type === 'row' ? [e] : []));
const meansOf = (events: Awaited<ReturnType<typeof rows>>) =>
  events.flatMap((e) => e.targets.map((t) => (t.result.ok ? t.result.score.expectation : -1)));

describe('scoreRows', () => {
  it('scores in the order of the file, each response by its own text', async () => {
    const events = await rows(lines(40).join('\n'));
    expect(events.map((e) => e.row.index)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(meansOf(events)).toEqual(
      Array.from({ length: 40 }, (_, i) => [numberOf(`good ${i}`), numberOf(`bad ${i}`)]).flat(),
    );
  });

  it('asks the evaluator only for what the store does not hold, and keeps the order', async () => {
    await rows(
      lines(30)
        .filter((_, i) => i % 3 !== 0)
        .join('\n'),
    );
    evaluator.asked.length = 0;
    const events = await rows(lines(30).join('\n'));
    expect(events.map((e) => e.row.index)).toEqual(Array.from({ length: 30 }, (_, i) => i));
    expect(events.map((e) => e.targets[0]!.fromStore)).toEqual(
      Array.from({ length: 30 }, (_, i) => i % 3 !== 0),
    );
    expect(evaluator.asked).toHaveLength(20);
    evaluator.asked.length = 0;
    await rows(lines(30).join('\n'));
    expect(evaluator.asked).toEqual([]);
  });

  it('keeps the order with thousands of stored rows behind a new one', async () => {
    await rows(lines(1500, 1).join('\n'));
    const events = await rows(lines(1501).join('\n'));
    expect(events.map((e) => e.row.index)).toEqual(Array.from({ length: 1501 }, (_, i) => i));
    expect(events.filter((e) => !e.targets[0]!.fromStore)).toHaveLength(1);
  });

  it('has a score in the store before its row is yielded', async () => {
    for await (const event of scoreRows(sourceOf(lines(5).join('\n')).open(), {
      service: serviceOf(evaluator),
    })) {
      if (event.type !== 'row') continue;
      const again = new TextEvaluator();
      const text = lines(5)[event.row.index]!;
      await collect(scoreRows(sourceOf(text).open(), { service: serviceOf(again) }));
      expect(again.asked).toEqual([]);
    }
  });

  it('goes on after a response that fails and one that is not a number, and stores neither', async () => {
    const text = [pairLine('p', 'fail', 'r=1'), pairLine('p', 'nan', 'r=2'), ...lines(1)].join(
      '\n',
    );
    const events = await rows(text);
    const said = events.map((e) => e.targets.map((t) => (t.result.ok ? 'ok' : t.result.error)));
    expect(said).toEqual([
      ['told to fail', 'ok'],
      ['the model gave a number that is not finite', 'ok'],
      ['ok', 'ok'],
    ]);
    evaluator.asked.length = 0;
    await rows(text);
    expect(evaluator.asked).toEqual(['fail', 'nan']);
  });

  it('skips rows that are not wanted, without scoring them', async () => {
    const events = await rows(lines(6).join('\n'), {
      skip: (row: { index: number }) => row.index < 4,
    });
    expect(events.map((e) => e.row.index)).toEqual([4, 5]);
    expect(evaluator.asked).toHaveLength(4);
  });

  it('stops when cancelled and closes the file; what was scored stays in the store', async () => {
    const controller = new AbortController();
    let closed = false;
    async function* events() {
      try {
        yield* sourceOf(lines(200).join('\n')).open();
      } finally {
        closed = true;
      }
    }
    let seen = 0;
    const run = async () => {
      const scored = scoreRows(events(), {
        service: serviceOf(evaluator),
        signal: controller.signal,
      });
      for await (const event of scored)
        if (event.type === 'row' && ++seen === 5) controller.abort();
    };
    await expect(run()).rejects.toThrow();
    expect(closed).toBe(true);
    expect(seen).toBeLessThan(20);
    evaluator.asked.length = 0;
    await rows(lines(5).join('\n'));
    expect(evaluator.asked).toEqual([]);
  });

  it('reads no more of the file than the evaluator needs', async () => {
    let read = 0;
    async function* events() {
      for await (const event of sourceOf(lines(400).join('\n')).open()) {
        read++;
        yield event;
      }
    }
    for await (const event of scoreRows(events(), { service: serviceOf(evaluator) })) {
      if (event.type === 'row' && event.row.index === 20) break;
    }
    expect(read).toBeLessThan(60);
  });
});

describe('auditDataset', () => {
  const run = async (sources: AuditSource[], more = {}) => {
    const { audit, progress } = auditDataset(sources, { evaluator, store, ...SETTINGS, ...more });
    const steps = await collect(progress);
    return { audit, steps, findings: [...audit.findings()] };
  };

  it('measures every response, pairs halves, and takes P(chosen beats rejected)', async () => {
    const { audit } = await run([sourceOf(pairLine('p', 'r=3', 'r=1'))]);
    const { table } = audit;
    expect(table.length).toBe(2);
    expect([0, 1].map((i) => table.kindOf(i))).toEqual(['chosen', 'rejected']);
    expect(table.expectation.get(0)).toBe(3);
    expect(table.tail.get(1)).toBeCloseTo(0.55, 5);
    expect(table.partner(0)).toBe(1);
    expect(table.beats.get(0)).toBe(1);
    expect(table.beats.get(1)).toBeNaN();
  });

  it('knows the siblings of a completion, set by set', async () => {
    const set = (n: number) =>
      JSON.stringify({ prompt: `p${n}`, completions: ['r=1', 'r=2', `r=${n}`] });
    const text = [set(3), pairLine('p', 'r=3', 'r=1'), set(4)].join('\n');
    const { table } = (await run([sourceOf(text)])).audit;
    const all = Array.from({ length: 8 }, (_, i) => table.siblings(i));
    expect(all).toEqual([[1, 2], [0, 2], [0, 1], [], [], [6, 7], [5, 7], [5, 6]]);
  });

  it('reports a malformed row at its place and goes on with the rest', async () => {
    const text = [lines(1)[0], '{"prompt": "x", "chosen', lines(1, 1)[0]].join('\n');
    const { audit, findings } = await run([sourceOf(text)]);
    expect(audit.table.length).toBe(4);
    const problem = findings.find((f) => f.code === 'malformed-row');
    expect(problem).toMatchObject({ severity: 'error', file: 0, problem: { index: 1 } });
    expect('problem' in problem! && problem.problem.place.line).toBe(1);
  });

  it('goes on after an unreadable file, but not after an engine that is gone', async () => {
    const broken: AuditSource = {
      path: 'gone.jsonl',
      async *open() {
        yield* [];
        await Promise.reject(
          Object.assign(new Error('EIO: disk'), { code: 'EIO', syscall: 'read' }),
        );
      },
    };
    const { audit } = await run([broken, sourceOf(lines(2).join('\n'))]);
    expect([...audit.unreadable]).toEqual([[0, 'EIO: disk']]);
    expect(audit.table.length).toBe(4);
    evaluator.score = () => Promise.reject(new Error('the engine is gone'));
    await expect(run([sourceOf(lines(2, 50).join('\n'))])).rejects.toThrow('the engine is gone');
  });

  it('leaves out ignored findings and codes that are not wanted', async () => {
    const text = [...lines(20), ...lines(2)].join('\n');
    const all = await run([sourceOf(text)]);
    const copies = all.findings.filter((f) => f.code === 'duplicate-response');
    expect(copies).toHaveLength(4);
    const hash = all.audit.table.hash(40);
    const ignored = (h: string, code: string) => h === hash && code === 'duplicate-response';
    const some = await run([sourceOf(text)], { ignored });
    expect(some.findings).toHaveLength(all.findings.length - 1);
    const only = await run([sourceOf(text)], { wanted: (c: string) => c === 'low-left-tail' });
    expect(new Set(only.findings.map((f) => f.code))).toEqual(new Set(['low-left-tail']));
  });

  it('takes the first rows of each file only, and counts what came from the store', async () => {
    const first = await run(
      [sourceOf(lines(9).join('\n'), 'a'), sourceOf(lines(9).join('\n'), 'b')],
      {
        limit: 3,
      },
    );
    expect(first.audit.table.length).toBe(12);
    const last = first.steps.at(-1)!;
    expect([last.rows, last.responses, last.fromStore]).toEqual([6, 12, 6]);
  });

  it('mixes with fixed weights in place of the gate', async () => {
    evaluator.score = (group) =>
      Promise.resolve({
        results: group.conversations.map((c) =>
          c.targets.map(() => ({ ok: true as const, score: scoreOf(2) })),
        ),
      });
    const { audit } = await run([sourceOf(lines(1).join('\n'))], { weights: [0.5] });
    expect(audit.table.expectation.get(0)).toBeCloseTo(1, 6);
  });
});
