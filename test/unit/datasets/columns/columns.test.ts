import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { unlz4 } from '../../../../server/src/datasets/input/decompress/lz4.js';
import { unzstdWhole } from '../../../../server/src/datasets/input/decompress/zstd.js';
import { readDataset, type FieldMapping } from '../../../../server/src/datasets/index.js';
import { fixture, fixturePath } from '../helpers.js';

/** What of the fixtures pyarrow wrote: see make_columns.py. */
const path = (name: string) => fixturePath(`columns/${name}`);

async function read(name: string, mapping?: FieldMapping) {
  const texts: string[][] = [];
  const problems: string[] = [];
  for await (const event of readDataset({ path: path(name) }, { mapping })) {
    if (event.type === 'problem') problems.push(event.problem.message);
    else texts.push(event.row.conversations.flatMap((c) => c.turns.map((t) => t.content)));
  }
  return { texts, problems };
}

describe.each(['kinds.parquet', 'kinds.arrow'])('%s: kinds that JSON does not have', (name) => {
  it.each([
    ['decimal', '-12345678901234567890.1250'],
    ['day', '2024-01-02'],
    ['time', '2024-01-02T03:04:05'],
    ['bytes', 'Größe'],
    ['whole', '4611686018427387904'],
  ])('a response in a column of %s is the text that Python writes of it', async (field, text) => {
    const { texts, problems } = await read(name, { prompt: 'prompt', response: field });
    expect(texts).toEqual([['Q', text]]);
    expect(problems).toEqual([]);
  });

  it('maps are messages', async () => {
    const { texts } = await read(name, { messages: 'maps' });
    expect(texts).toEqual([['Q', 'A']]);
  });

  it('bytes that are no text are no response, and nobody else’s concern', async () => {
    const { texts, problems } = await read(name, { prompt: 'prompt', response: 'picture' });
    expect(texts).toEqual([]);
    expect(problems.join()).toMatch(/is 6 bytes that are no UTF-8 text; expected a text/);
  });
});

describe.each(['nested.parquet', 'nested.arrow'])(
  '%s: lists inside structs inside lists',
  (name) => {
    it.each<[string, FieldMapping, string[]]>([
      ['parts of a content', { messages: 'parts' }, ['What?', '', 'That.']],
      ['an object of lists', { messages: 'lists' }, ['What?', 'That.']],
      ['names of JavaScript’s own', { prompt: 'prompt', response: 'own' }, ['Q', '1.50']],
      ['a day inside a message', { prompt: 'prompt', response: 'day' }, ['Q', '2024-01-02']],
      ['a day in milliseconds', { prompt: 'prompt', response: 'day64' }, ['Q', '2024-01-02']],
    ])('%s', async (_, mapping, texts) => {
      expect(await read(name, mapping)).toEqual({ texts: [texts], problems: [] });
    });

    it('calls of tools', async () => {
      const calls = [{ type: 'function', function: { name: 'f', arguments: [1, 2] } }];
      for await (const event of readDataset(
        { path: path(name) },
        { mapping: { messages: 'parts' } },
      ))
        expect(event).toMatchObject({
          row: { conversations: [{ turns: [{}, { tool_calls: calls }, {}] }] },
        });
    });
  },
);

it.each(['twice.arrow', 'twice.parquet'])(
  'a column that stands twice is told: %s',
  async (name) => {
    const { texts, problems } = await read(name);
    expect(texts).toEqual([['Q', 'Good', 'Q', 'Bad']]);
    expect(problems).toEqual([
      expect.stringMatching(/'chosen' stands twice.*the last one is read/),
    ]);
  },
);

describe('Arrow files whose buffers are packed', () => {
  const long = Array.from({ length: 40_000 }, (_, i) => i % 977).join(' ');
  it.each(['lz4.feather', 'zstd.arrow'])('%s is read whole', async (name) => {
    const { texts, problems } = await read(name);
    expect(problems).toEqual([]);
    expect(texts).toEqual([
      ['Q', long, 'Q', 'Bad'],
      ['R', 'Good', 'R', 'x'.repeat(70_000)],
    ]);
  });

  it('whatever byte is turned or cut, the file costs at most itself', async () => {
    for (const name of ['lz4.feather', 'zstd.arrow']) {
      const bytes = readFileSync(path(name));
      for (let i = 0; i < 60; i++) {
        const at = Math.floor((i / 60) * bytes.length);
        const broken = Buffer.from(i % 2 === 0 ? bytes : bytes.subarray(0, at));
        if (i % 2 === 0) broken[at]! ^= 0x55;
        let events = 0;
        for await (const event of readDataset({ bytes: broken, name }))
          events += event.type === 'row' || event.problem.message !== '' ? 1 : 0;
        expect(events).toBeGreaterThan(0);
      }
    }
  });
});

it('a length in an Arrow file’s headers that its columns do not hold costs the batch: no endless rows', async () => {
  for (const name of ['nested.arrow', 'twice.arrow', 'kinds.arrow']) {
    const bytes = readFileSync(path(name));
    let damaged = 0;
    for (let at = 0; at + 8 <= bytes.length; at += 8) {
      // Each of them is one row, one value of a column, or nothing that counts.
      if (bytes.readBigInt64LE(at) !== 1n) continue;
      const broken = Buffer.from(bytes);
      broken.writeBigInt64LE(1n << 40n, at);
      let events = 0;
      for await (const event of readDataset({ bytes: broken, name })) {
        events++;
        if (event.type === 'problem' && event.problem.code === 'unreadable') damaged++;
      }
      expect(events).toBeLessThan(5);
    }
    expect(damaged).toBeGreaterThan(0);
  }
});

describe('LZ4 frames', () => {
  const frame = (...body: number[]) =>
    Uint8Array.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, ...body]);
  const stored = [3, 0, 0, 0x80, 0x61, 0x62, 0x63];
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

  it('holds stored blocks, literals and matches that reach into themselves', () => {
    expect(text(unlz4(frame(...stored, 0, 0, 0, 0), 10))).toBe('abc');
    // Two letters, then eight more of them from two back; a last letter.
    const block = [0x24, 0x61, 0x62, 2, 0, 0x10, 0x63];
    expect(text(unlz4(frame(block.length, 0, 0, 0, ...block, 0, 0, 0, 0), 99))).toBe(
      'ababababab' + 'c',
    );
  });
  it.each([
    ['no frame', Uint8Array.from([1, 2, 3, 4, 5, 6, 7]), /no beginning/],
    [
      'a match before the beginning',
      frame(5, 0, 0, 0, 0x14, 0x61, 2, 0, 0x00, 0, 0, 0, 0),
      /before its beginning/,
    ],
    [
      'a match of offset 0',
      frame(5, 0, 0, 0, 0x14, 0x61, 0, 0, 0x00, 0, 0, 0, 0),
      /before its beginning/,
    ],
    ['more than it may hold', frame(...stored, 0, 0, 0, 0), /more than 2 bytes/],
    ['no end mark', frame(...stored), /before its end mark/],
    ['a block beyond the end', frame(9, 0, 0, 0, 0x10), /ends inside a block/],
  ])('%s is an error', (what, bytes, message) => {
    expect(() => unlz4(bytes, what === 'more than it may hold' ? 2 : 9)).toThrow(message);
  });
  it('zstd has the same limit', () => {
    const zst = fixture('two-frames.jsonl.zst');
    const whole = fixture('two-frames.jsonl');
    expect(Buffer.from(unzstdWhole(zst, whole.length)).equals(whole)).toBe(true);
    expect(() => unzstdWhole(zst, whole.length - 1)).toThrow(/more than/);
  });
});

describe('pages of Parquet whose numbers lead nowhere', () => {
  it('a run of two thousand million levels costs its column', async () => {
    const { texts, problems } = await read('runs.parquet');
    expect(texts).toEqual([]);
    expect(problems.join()).toMatch(/row group 0, column '\w+', rows 0 to 0: a page/);
  });
});
