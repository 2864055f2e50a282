import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ProgressType } from 'vscode-languageserver-protocol/node.js';
import type { AuditSummary } from '../../../server/src/protocol/index.js';
import { Client, MODEL, type Columns } from './editor/client.js';
import { hhLines } from './editor/hh.js';

interface WorkDone {
  readonly kind: 'begin' | 'report' | 'end';
  readonly message?: string;
  readonly percentage?: number;
}
const progressType = new ProgressType<WorkDone>();

const shortRow = (n: number): string =>
  `{"prompt":"Question ${n}?","chosen":"Answer ${n}.","rejected":"No ${n}."}`;

async function withClient(run: (client: Client) => Promise<void>): Promise<void> {
  const client = await Client.start();
  try {
    await run(client);
  } finally {
    await client.stop();
  }
}

describe('a run', () => {
  it('of 100,000 rows scores those on screen first', () =>
    withClient(async (client) => {
      const text = Array.from({ length: 100_000 }, (_, n) => shortRow(n)).join('\n');
      const uri = await client.open('large.jsonl', text);
      await client.connection.sendNotification('qrmLens/visibleRanges', {
        uri,
        ranges: [{ from: 70_000, to: 70_030 }],
      });
      const summary = await client.until(
        () => client.changes.findLast((s) => s.uri === uri && s.scored >= 62),
        'the first scores',
      );
      const columns: Columns[] = (await client.columns(summary)).slice(0, 62);
      expect(columns.every((c) => c.line >= 70_000 && c.line <= 70_030)).toBe(true);
      await client.request('qrmLens/cancel', { uri });
    }));

  it('stops when it is cancelled, and goes on where it was', () =>
    withClient(async (client) => {
      const uri = await client.open(
        'cancel.jsonl',
        Array.from({ length: 400 }, (_, n) => shortRow(n)).join('\n'),
      );
      const controller = client.request<AuditSummary>('qrmLens/audit', { uri });
      controller.catch(() => undefined);
      await client.until(
        () => client.changes.findLast((s) => s.uri === uri && s.scored > 0),
        'a first score',
      );
      await client.request('qrmLens/cancel', { uri });
      await expect(controller).rejects.toMatchObject({ code: -32800 });
      const stopped = await client.summary(uri);
      expect(stopped.state).toBe('cancelled');
      expect(stopped.scored).toBeLessThan(800);
      const done = await client.audit(uri);
      expect(done.scored).toBe(800);
      expect(done.fromStore).toBeLessThan(800 - stopped.scored + 260);
      expect(done.revision).toBe(800);
    }));

  it('survives the death of the evaluator: nothing scored is lost, nothing stays unscored', () =>
    withClient(async (client) => {
      const lines = hhLines(60, 1000);
      const uri = await client.open('kill.jsonl', lines.join('\n'));
      await client.until(
        () => client.changes.findLast((s) => s.uri === uri && s.scored > 4),
        'first scores',
      );
      const [pid] = client.evaluators();
      expect(pid).toBeDefined();
      process.kill(pid ?? 0, 'SIGKILL');
      const done = await client.audit(uri);
      expect(done.scored).toBe(120);
      expect(done.counts.unscored).toBeUndefined();
      expect(client.evaluators()).not.toContain(pid);
      // Each response came once: what had been scored before the death was kept.
      const ids = (await client.columns(done)).map((c) => c.id);
      expect(new Set(ids).size).toBe(ids.length);
    }));

  it('reads its second time from the store alone', async () => {
    const first = await Client.start();
    const storeFolder = `${first.folder}/store`;
    const text = hhLines(10, 900).join('\n');
    const once = await first.audit(await first.open('a.jsonl', text));
    const tails = (await first.columns(once)).map((c) => [c.line, c.kind, c.tail]);
    const second = await Client.start({ init: { storeFolder } });
    try {
      const again = await second.audit(await second.open('b.jsonl', text));
      expect(once.fromStore).toBe(0);
      expect(again.fromStore).toBe(20);
      const sort = (list: number[][]) => list.map((l) => l.join()).sort();
      const now = (await second.columns(again)).map((c) => [c.line, c.kind, c.tail]);
      expect(sort(now)).toEqual(sort(tails));
    } finally {
      await second.stop();
      await first.stop();
    }
  });

  it('shows stored scores without loading the model, which an edit brings', async () => {
    const first = await Client.start();
    const storeFolder = `${first.folder}/store`;
    const lines = hhLines(6, 900);
    const once = await first.audit(await first.open('a.jsonl', lines.join('\n')));
    const second = await Client.start({ init: { storeFolder } });
    try {
      const uri = await second.open('b.jsonl', lines.join('\n'));
      const again = await second.audit(uri);
      expect(again).toMatchObject({ fromStore: 12, scored: 12, model: once.model });
      expect(second.evaluators()).toEqual([]);
      expect(second.statuses.map((s) => s.state)).not.toContain('loading');
      const place = { line: 2, character: (lines[2]?.lastIndexOf('"}') ?? 0) - 1 };
      await second.edit(uri, { start: place, end: place }, ' Indeed');
      const edited = await second.until(
        () => second.changes.findLast((s) => s.revision > again.revision && s.state === 'done'),
        'the edited row',
      );
      expect(edited).toMatchObject({ scored: 12, epoch: again.epoch });
      expect(second.evaluators()).toHaveLength(1);
    } finally {
      await second.stop();
      await first.stop();
    }
  });

  it('begins anew when the model turns out to be another one than was remembered', async () => {
    const first = await Client.start();
    const storeFolder = `${first.folder}/store`;
    const lines = hhLines(6, 900).join('\n');
    const once = await first.audit(await first.open('a.jsonl', lines));
    const file = `${storeFolder}/evaluators.json`;
    const hash = once.model?.hash ?? '';
    const remembered = readFileSync(file, 'utf8');
    expect(remembered).toContain(hash);
    writeFileSync(file, remembered.replaceAll(hash, 'of-yesterday'));
    const second = await Client.start({ init: { storeFolder }, settings: { autoAudit: 'off' } });
    try {
      const uri = await second.open('open.jsonl', lines);
      const open = await second.audit(uri);
      expect(open).toMatchObject({ scored: 12, fromStore: 12, state: 'done', model: once.model });
      await second.until(
        () => readFileSync(file, 'utf8').includes(hash) || undefined,
        'the right hash',
      );
      // The same of a file on disk.
      writeFileSync(file, remembered.replaceAll(hash, 'of-yesterday'));
      writeFileSync(`${second.folder}/closed.jsonl`, lines);
      const third = await Client.start({ init: { storeFolder } });
      const closed = await third.audit(second.uri('closed.jsonl')).finally(() => third.stop());
      expect(closed).toMatchObject({ scored: 12, fromStore: 12, state: 'done' });
    } finally {
      await second.stop();
      await first.stop();
    }
  });

  it('reports its progress on the token of the request, with rate and rows', async () => {
    const client = await Client.start({ settings: { autoAudit: 'off' } });
    try {
      const text = Array.from({ length: 4000 }, (_, n) => shortRow(n)).join('\n');
      const uri = await client.open('progress.jsonl', text);
      const seen: WorkDone[] = [];
      client.connection.onProgress(progressType, 'mine', (value) => void seen.push(value));
      const audit = client.request('qrmLens/audit', { uri, workDoneToken: 'mine' });
      audit.catch(() => undefined);
      await client.until(
        () => seen.some((v) => v.kind === 'report' && /responses\/s/.test(v.message ?? '')),
        'a report with a rate',
      );
      await client.request('qrmLens/cancel', { uri });
      await expect(audit).rejects.toMatchObject({ code: -32800 });
      await client.until(() => seen.at(-1)?.kind === 'end', 'the end of the progress');
      expect(seen[0]?.kind).toBe('begin');
      const shares = seen.flatMap((v) => (v.percentage === undefined ? [] : [v.percentage]));
      expect(shares).toEqual([...shares].sort((a, b) => a - b));
    } finally {
      await client.stop();
    }
  });

  it('of a selection scores its rows and no others', async () => {
    const client = await Client.start({ settings: { autoAudit: 'off' } });
    try {
      const uri = await client.open(
        'part.jsonl',
        Array.from({ length: 40 }, (_, n) => shortRow(n)).join('\n'),
      );
      const lines = [{ from: 3, to: 5 }];
      const summary = await client.request<AuditSummary>('qrmLens/audit', { uri, lines });
      expect(summary.scored).toBe(6);
      const columns = await client.columns(summary);
      expect(new Set(columns.map((c) => c.line))).toEqual(new Set([3, 4, 5]));
    } finally {
      await client.stop();
    }
  });

  it('fails in plain words where the model cannot be loaded, and the server lives on', async () => {
    const client = await Client.start({ settings: { model: { path: '/no/such/model' } } });
    try {
      const uri = await client.open('x.jsonl', shortRow(1));
      await expect(client.audit(uri)).rejects.toThrow(/no\/such\/model/);
      await client.until(() => client.statuses.at(-1)?.state === 'error', 'the status');
      expect((await client.summary(uri)).state).toBe('failed');
    } finally {
      await client.stop();
    }
  });

  it('in an untrusted workspace never loads the model that the settings name', async () => {
    const client = await Client.start({
      init: { trusted: false },
      settings: { model: { path: '/no/such/model' }, autoAudit: 'off' },
    });
    try {
      const uri = await client.open('x.jsonl', shortRow(1));
      const answer = await client.audit(uri).then(
        (s) => s.model?.name ?? '',
        (error: Error) => error.message,
      );
      expect(answer).not.toContain('/no/such/model');
    } finally {
      await client.stop();
    }
  });

  it('begins anew when the level of the tail is set otherwise', async () => {
    const client = await Client.start();
    try {
      const uri = await client.open('tau.jsonl', hhLines(8, 900).join('\n'));
      const before = await client.audit(uri);
      const [low] = await client.columns(before);
      await client.connection.sendNotification('workspace/didChangeConfiguration', {
        settings: {
          qrmLens: { model: { path: MODEL }, threads: 1, tau: 0.4 },
        },
      });
      await client.until(
        () => client.changes.some((s) => s.uri === uri && s.tau === 0.4 && s.state === 'done'),
        'another tau',
      );
      const after = await client.audit(uri);
      expect(after.epoch).not.toBe(before.epoch);
      expect(after.scored).toBe(before.scored);
      const now = (await client.columns(after)).find(
        (c) => c.line === low?.line && c.kind === low.kind,
      );
      expect(now?.expectation).toBe(low?.expectation);
      expect(now?.tail).toBeGreaterThan(low?.tail ?? Infinity);
    } finally {
      await client.stop();
    }
  });
});
