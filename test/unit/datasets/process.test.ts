import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  readDataset as inProcess,
  type DatasetSource,
} from '../../../server/src/datasets/index.js';
import { commandLineSource } from '../../../server/src/datasets/input/pipe.js';
import {
  closeReaders,
  detectFormat,
  rowCount,
  readDataset,
} from '../../../server/src/datasets/process/index.js';
import { Packer } from '../../../server/src/datasets/process/wire/pack.js';
import { Unpacker } from '../../../server/src/datasets/process/wire/unpack.js';
import type { DatasetEvent } from '../../../server/src/datasets/types.js';
import { stuckRecord } from '../../stuck.js';
import { chunked, fixture, fixturePath } from './helpers.js';

const folder = mkdtempSync(join(tmpdir(), 'qrm-reader-'));
const path = (name: string): string => join(folder, name);
afterAll(() => {
  closeReaders();
  rmSync(folder, { recursive: true, force: true });
});

async function all(events: AsyncIterable<DatasetEvent>): Promise<DatasetEvent[]> {
  const list: DatasetEvent[] = [];
  for await (const event of events) list.push(event);
  return list;
}
const rows = (events: readonly DatasetEvent[]) =>
  events.flatMap((e) => (e.type === 'row' ? [e.row] : []));
const problems = (events: readonly DatasetEvent[]) =>
  events.flatMap((e) => (e.type === 'problem' ? [e.problem] : []));
/** Has this process a child that has ended and was not waited for yet? */
const deadChild = (): boolean =>
  execFileSync('ps', ['-axo', 'ppid=,stat='], { encoding: 'utf8' })
    .split('\n')
    .some((line) => new RegExp(`^ *${process.pid} +Z`).test(line));
const good = (n: number): string => JSON.stringify({ prompt: `q${n}`, response: `a${n}` });

describe('the reader in a process of its own', () => {
  it('gives what the reader gives here: of every fixture, by path, bytes and stream', async () => {
    const names = [
      'parquet/bad-utf8.parquet',
      'parquet/deep.parquet',
      'compressed/members.jsonl.gz',
    ];
    for (const name of [...names, 'compressed/rows.jsonl.zst', 'compressed/garbage.jsonl.gz']) {
      const bytes = fixture(name);
      const sources = (): DatasetSource[] => [
        { bytes, name },
        { stream: chunked(bytes, [100, 1]), name },
      ];
      const expected = await all(inProcess({ bytes, name }));
      for (const source of sources()) expect(await all(readDataset(source))).toEqual(expected);
      expect(rows(await all(readDataset({ path: fixturePath(name) })))).toEqual(rows(expected));
      expect(await detectFormat({ path: fixturePath(name) })).toMatchObject({
        container: name.includes('parquet') ? 'parquet' : 'jsonl',
      });
    }
    expect(await rowCount(fixturePath('parquet/deep.parquet'))).toBe(3);
  });

  it('packs any event without loss, fields of tomorrow included', () => {
    const place = fc.record({
      line: fc.nat(),
      column: fc.nat(),
      endLine: fc.nat(),
      endColumn: fc.nat(),
      start: fc.maxSafeNat(),
      end: fc.maxSafeNat(),
    });
    const text = fc.string({ unit: 'binary' });
    const turn = fc.record(
      { role: text, content: text, place, pieces: fc.array(place), later: fc.array(fc.nat()) },
      { requiredKeys: ['role', 'content'] },
    );
    const conversation = fc.record({
      kind: fc.constantFrom('chosen' as const, 'transcript' as const),
      label: text,
      turns: fc.array(turn.filter((t) => !(t.place && t.pieces))),
      targets: fc.array(fc.nat()),
    });
    const row = fc.record({ index: fc.nat(), place, conversations: fc.array(conversation) });
    const problem = fc.record({
      index: fc.option(fc.nat(), { nil: undefined }),
      place,
      code: fc.constantFrom('malformed-row' as const, 'unreadable' as const),
      message: text,
    });
    const event = fc.oneof(
      row.map((r) => ({ type: 'row' as const, row: r })),
      problem.map((p) => ({ type: 'problem' as const, problem: p })),
    );
    fc.assert(
      fc.property(fc.array(event), (events) => {
        const packer = new Packer();
        for (const e of events) packer.add(e);
        expect([...new Unpacker(packer.take()).events()]).toEqual(events);
      }),
    );
  });

  it('memory that runs out, and work that gets nowhere, cost the file and give the rows before', async () => {
    writeFileSync(path('large.jsonl'), `${good(0)}\n${good(1)}\n${stuckRecord()}\n${good(3)}\n`);
    for (const [name, value, words] of [
      ['QRM_LENS_READER_MB', '200', 'of memory'],
      ['QRM_LENS_READER_SECONDS', '0.3', 'no progress'],
    ] as const) {
      closeReaders();
      process.env[name] = value;
      try {
        const events = await all(readDataset({ path: path('large.jsonl') }));
        expect(rows(events).map((r) => r.index)).toEqual([0, 1]);
        expect(problems(events)).toMatchObject([{ code: 'unreadable' }]);
        expect(problems(events)[0]?.message).toContain(words);
        expect(problems(events)[0]?.message).toContain('large.jsonl cannot be read on: ');
      } finally {
        delete process.env[name];
        closeReaders();
      }
    }
    writeFileSync(path('next.jsonl'), good(0));
    expect(await all(readDataset({ path: path('next.jsonl') }))).toHaveLength(1);
  });

  it.skipIf(process.platform === 'win32')(
    'a reader that dies with messages that had not left it costs no row',
    async () => {
      const count = 2500;
      const row = (n: number) => JSON.stringify({ prompt: `q${n}`, response: 'a'.repeat(1000) });
      const lines = Array.from({ length: count }, (_, n) => row(n));
      writeFileSync(path('left.jsonl'), `${lines.join('\n')}\n${stuckRecord()}\n`);
      closeReaders();
      process.env['QRM_LENS_READER_SECONDS'] = '0.3';
      try {
        const events: DatasetEvent[] = [];
        for await (const event of readDataset({ path: path('left.jsonl') })) {
          // Nobody takes messages until the reader is dead: far more than a pipe holds is on its way then.
          if (events.length === 0) while (!deadChild());
          events.push(event);
        }
        expect(rows(events).map((r) => r.index)).toEqual(lines.map((_, n) => n));
        expect(problems(events)).toMatchObject([{ code: 'unreadable' }]);
      } finally {
        delete process.env['QRM_LENS_READER_SECONDS'];
        closeReaders();
      }
    },
  );

  it('mutated Parquet, gzip and zstd files end in rows and problems', async () => {
    const zip = gzipSync(Array.from({ length: 50 }, (_, n) => good(n)).join('\n'));
    const files = ['parquet/bad-utf8.parquet', 'parquet/deep.parquet', 'compressed/rows.jsonl.zst']
      .map(fixture)
      .concat(zip);
    const change = fc.tuple(fc.nat(1_000_000), fc.nat(255), fc.nat(3));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...files), fc.array(change), async (file, changes) => {
        let bytes = Buffer.from(file);
        for (const [at, byte, how] of changes) {
          const i = at % bytes.length;
          if (how < 3) bytes[i] = byte;
          else bytes = Buffer.concat([bytes.subarray(0, i), bytes.subarray(i + 1)]);
        }
        for (const event of await all(readDataset({ bytes, name: 'x' })))
          expect(['row', 'problem']).toContain(event.type);
      }),
      { numRuns: 150 },
    );
  });

  it('is stopped by a signal and by whoever reads no further', async () => {
    const bytes = Buffer.from(Array.from({ length: 50_000 }, (_, n) => good(n)).join('\n'));
    const control = new AbortController();
    const reading = (async () => {
      let seen = 0;
      for await (const event of readDataset({ bytes, name: 'x.jsonl' }, { signal: control.signal }))
        if (event.type === 'row' && ++seen === 10) control.abort();
    })();
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
    for (let n = 0; n < 20; n++)
      for await (const event of readDataset({ bytes, name: 'x.jsonl' })) {
        expect(event.type).toBe('row');
        break;
      }
  });
});

describe.skipIf(process.platform === 'win32')('paths that are no file', () => {
  it('are told: a folder, a device, a loop, a missing file', async () => {
    mkdirSync(path('folder'));
    symlinkSync(path('loop'), path('loop'));
    execFileSync('mkfifo', [path('pipe')]);
    for (const [name, words] of [
      [path('folder'), 'a folder'],
      ['/dev/zero', 'a device'],
      [path('loop'), 'ELOOP'],
      [path('pipe'), 'a pipe'],
      [path('none'), 'ENOENT'],
    ] as const) {
      const events = await all(readDataset({ path: name }));
      expect(problems(events)).toMatchObject([{ code: 'unreadable' }]);
      expect(problems(events)[0]?.message).toContain(words);
    }
  });

  it('a pipe on a command line is read, twice', async () => {
    execFileSync('mkfifo', [path('late')]);
    writeFileSync(path('text'), Array.from({ length: 3000 }, (_, n) => good(n)).join('\n'));
    spawn('sh', ['-c', 'sleep 0.2; cat text > late'], { cwd: folder });
    for (let times = 0; times < 2; times++) {
      const source = await commandLineSource(path('late'));
      expect(rows(await all(readDataset(source)))).toHaveLength(3000);
    }
  });
});
