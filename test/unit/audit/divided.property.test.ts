import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  closeReaders,
  readDataset,
  readWritten,
} from '../../../server/src/datasets/process/index.js';
import { readPart } from '../../../server/src/datasets/index.js';
import type { DatasetEvent } from '../../../server/src/datasets/types.js';
import { stuckRecord } from '../../stuck.js';
import { audited, ownStore } from './audited.js';
import { collect, LEVELS, SETTINGS, TextEvaluator } from './helpers.js';

const own = ownStore();

const text = fc
  .array(fc.constantFrom('a', 'good', ' ', '\n', '"', 'é', '漢', '😀', '\u2028', 'r=2'), {
    maxLength: 9,
  })
  .map((parts) => `x${parts.join('')}`);
const record = fc.oneof(
  { weight: 6, arbitrary: fc.record({ prompt: text, chosen: text, rejected: text }) },
  fc.record({ prompt: text, response: text }),
  fc.record({ prompt: text, completions: fc.array(fc.record({ text, rating: fc.nat(3) }), { minLength: 1, maxLength: 4 }) }),
  fc.record({ prompt: text, response_a: text, response_b: text, winner: fc.constantFrom('a', 'b', 'tie', 'model_a') }),
  fc.tuple(text, text, text).map(([a, b, c]) => ({
    messages: [a, b, c, b].map((content, n) => ({ role: n % 2 === 0 ? 'user' : 'assistant', content })),
  })),
  fc.record({ prompt: fc.constant(''), chosen: text, rejected: fc.constant(' ') }),
  fc.record({ prompt: text, chosen: text.map((t) => `fail ${t}`), rejected: text }),
); // prettier-ignore
const line = fc.oneof(
  { weight: 12, arbitrary: record.map((r) => JSON.stringify(r)) },
  fc.constantFrom('', '  ', '{"prompt": "cut', '{"other": 1}', '[1]', '\u001e{"prompt": "q", "response": "s"}', 'not JSON'),
); // prettier-ignore
const end = fc.constantFrom('\n', '\n', '\n', '\r\n', '\r', '\n\n');
const change = fc.record({ at: fc.nat(), byte: fc.nat(255) });

/** A file of lines with its ends, and some bytes changed. */
const file = fc
  .record({
    lines: fc.array(fc.tuple(line, end), { minLength: 1, maxLength: 60 }),
    changes: fc.oneof(fc.constant([]), fc.array(change, { maxLength: 4 })),
    mark: fc.boolean(),
    whole: fc.boolean(),
  })
  .map(({ lines, changes, mark, whole }) => {
    const body = lines.map(([said, by]) => said + by).join('');
    const bytes = Buffer.from((mark ? '\ufeff' : '') + (whole ? body : body.trimEnd()));
    for (const { at, byte } of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
    return bytes;
  });

const pair = (n: number): string =>
  JSON.stringify({ prompt: `q${n}`, chosen: `a${n}`, rejected: `b${n}` });
const pairs = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, n) => pair(from + n));

describe('a file that several read', () => {
  it('gives the audit that one reading gives, wherever it is cut, whatever is damaged', async () => {
    const path = join(own.folder, 'data.jsonl');
    let divided = 0;
    await fc.assert(
      fc.asyncProperty(
        file,
        fc.integer({ min: 40, max: 3000 }),
        fc.integer({ min: 2, max: 3 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (bytes, size, readers, share) => {
          // Some of it is known already.
          writeFileSync(path, bytes.subarray(0, Math.ceil(bytes.length * share)));
          await audited(path, own.store, { known: false });
          writeFileSync(path, bytes);
          const some = await audited(path, own.store, { known: true, division: { bytes: size, readers } });
          const one = await audited(path, own.store, { known: false });
          // What was new the first time comes from the store the second time.
          expect({ ...some.all, fromStore: 0 }).toEqual({ ...one.all, fromStore: 0 });
          const again = await audited(path, own.store, { known: true, division: { bytes: size, readers } });
          expect(again.all).toEqual(one.all);
          if (again.seen.asNumbers > 0 && bytes.length > 4 * size) divided++;
        },
      ),
      { numRuns: 60 },
    ); // prettier-ignore
    expect(divided).toBeGreaterThan(5);
  });

  it('gives every row and every place of it, where no score is known', async () => {
    const path = join(own.folder, 'data.jsonl');
    const ask = { store: own.store.file, identity: 'x', levels: [], measures: SETTINGS };
    const longest = fc.constantFrom(undefined, 30, 120);
    await fc.assert(
      fc.asyncProperty(file, fc.integer({ min: 1, max: 2000 }), longest, async (bytes, size, max) => {
        writeFileSync(path, bytes);
        const options = max === undefined ? {} : { maxRowBytes: max };
        const parts = readWritten({ path }, options, ask, { bytes: size, readers: 2 });
        expect(await collect(parts)).toEqual(await collect(readDataset({ path }, options)));
      }),
      { numRuns: 100 },
    ); // prettier-ignore
  });

  it('is told where it is cut short while it is read', async () => {
    const path = join(own.folder, 'data.jsonl');
    const text = `${pair(0)}\n${pair(1)}\n`;
    writeFileSync(path, text);
    const read = async (part: Parameters<typeof readPart>[1]) => {
      const events = readPart(path, part, {});
      const all: DatasetEvent[] = [];
      for (;;) {
        const next = await events.next();
        if (next.done === true) return { all, size: next.value };
        all.push(...next.value);
      }
    };
    const from = pair(0).length + 1;
    expect(await read({ from })).toMatchObject({ all: [{ type: 'row', row: { index: 0 } }], size: { records: 1, lines: 1 } }); // prettier-ignore
    for (const part of [{ from, to: 1000 }, { from: 1000 }]) {
      const { all, size } = await read(part);
      expect(all.at(-1)).toMatchObject({ type: 'problem', problem: { code: 'unreadable' } });
      expect(size).toBeUndefined();
    }
  });

  it('ends where a record ends a reader, with every row before it', async () => {
    const path = join(own.folder, 'stuck.jsonl');
    writeFileSync(path, pairs(0, 3000).join('\n'));
    await audited(path, own.store, { known: false });
    const lines = [...pairs(0, 2000), stuckRecord(), ...pairs(2001, 3000)];
    writeFileSync(path, lines.join('\n'));
    closeReaders();
    process.env['QRM_LENS_READER_SECONDS'] = '0.3';
    try {
      const division = { bytes: 10_000, readers: 3 };
      const { all, seen } = await audited(path, own.store, { known: true, division });
      expect(all.responsesOf.map(({ row }) => row)).toEqual(
        pairs(0, 2000).flatMap((_, n) => [n, n]),
      );
      expect(all.unreadable.get(0)).toContain('no progress');
      expect(seen.asNumbers).toBeGreaterThan(1000);
    } finally {
      delete process.env['QRM_LENS_READER_SECONDS'];
      closeReaders();
    }
  });

  it('has the prompts of a batch, of which only the file as a whole knows where they stand', async () => {
    const path = join(own.folder, 'results.jsonl');
    const input = { custom_id: 'r7', method: 'POST', url: '/v1/chat/completions', body: { messages: [{ role: 'user', content: 'Which?' }] } }; // prettier-ignore
    writeFileSync(join(own.folder, 'results-input.jsonl'), JSON.stringify(input));
    const message = { role: 'assistant', content: 'This.' };
    const result = { custom_id: 'r7', response: { status_code: 200, body: { choices: [{ index: 0, message }] } } }; // prettier-ignore
    writeFileSync(path, [...pairs(0, 300), JSON.stringify(result), ...pairs(300, 600)].join('\n'));
    const one = await audited(path, own.store, { known: false });
    const division = { bytes: 1000, readers: 2 };
    const some = await audited(path, own.store, { known: true, division });
    expect({ ...some.all, fromStore: 0 }).toEqual({ ...one.all, fromStore: 0 });
    expect(one.all.problems).toEqual([]);
  });

  it('is stopped by a signal, and by whoever reads no further', async () => {
    const path = join(own.folder, 'data.jsonl');
    writeFileSync(path, pairs(0, 6000).join('\n'));
    await audited(path, own.store, { known: false });
    const division = { bytes: 10_000, readers: 3 };
    const stop = new AbortController();
    let rows = 0;
    const evaluator = new TextEvaluator();
    const ask = { store: own.store.file, identity: evaluator.info.modelHash, levels: LEVELS, measures: SETTINGS }; // prettier-ignore
    const reading = async (signal?: AbortSignal): Promise<void> => {
      for await (const event of readWritten(
        { path },
        { ...(signal && { signal }) },
        ask,
        division,
      )) {
        rows += event.type === 'written' ? event.count : 1;
        if (rows < 1000) continue;
        if (signal === undefined) break;
        stop.abort();
      }
    };
    await expect(reading(stop.signal)).rejects.toMatchObject({ name: 'AbortError' });
    expect(rows).toBeLessThan(4000);
    rows = 0;
    await reading();
    expect(rows).toBeLessThan(4000);
  });
});
