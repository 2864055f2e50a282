import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, describe, expect, it } from 'vitest';
import { readPreferences } from '../../../server/src/training/data/pairs.js';
import {
  readRated,
  type Rated,
  type RatedOptions,
} from '../../../server/src/training/data/rated.js';
import { problemText, type DataProblem } from '../../../server/src/training/data/records.js';
import { Split } from '../../../server/src/training/data/selection.js';

const folder = mkdtempSync(join(tmpdir(), 'qrm-samples-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

const problems = (): { list: string[]; tell: (p: DataProblem) => void } => {
  const list: string[] = [];
  return { list, tell: (p) => list.push(problemText(p).replace(`${folder}/`, '')) };
};
async function rated(name: string, content: string | Uint8Array, options: RatedOptions = {}) {
  const { list, tell } = problems();
  const rows = await readRated(file(name, content), options, tell);
  return { rows, list };
}
const labels = (r: Rated): Record<string, readonly number[]> => Object.fromEntries(r.labels);
const lines = (...rows: unknown[]): string => rows.map((r) => JSON.stringify(r)).join('\n');

const row = {
  prompt: [{ role: 'user', content: 'Hi' }],
  response: ' Hello.\n',
  scores: { helpful: [1, 5, 4], other: [3] },
  scale: { helpful: [1, 5], other: [1, 5] },
};

describe('rated responses', () => {
  it('bring every label into [0, 1] and keep each rater', async () => {
    const { rows, list } = await rated('one.jsonl', lines(row), { only: ['helpful'] });
    expect(list).toEqual([]);
    expect(labels(rows[0]!)).toEqual({ helpful: [0, 1, 0.75] });
    expect(rows[0]!.messages).toEqual([
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hello.' },
    ]);
  });

  it('are read from gzip too, blank lines skipped', async () => {
    const text = `${JSON.stringify(row)}\n\n${JSON.stringify(row)}\n`;
    const { rows } = await rated('two.jsonl.gz', gzipSync(text));
    expect(rows.map((r) => r.line)).toEqual([1, 3]);
  });

  it('are read in the layouts that people have', async () => {
    const helpSteer = {
      prompt: 'Q',
      response: 'A',
      helpfulness: 4,
      correctness: 3,
      coherence: 4,
      complexity: 1,
      verbosity: 0,
    };
    const { rows: a } = await rated('helpsteer.jsonl', lines(helpSteer, helpSteer));
    expect(labels(a[0]!)).toEqual({
      helpfulness: [1],
      correctness: [0.75],
      coherence: [1],
      complexity: [0.25],
      verbosity: [0],
    });
    const ultra = {
      instruction: 'Q',
      completions: [
        {
          response: 'A',
          annotations: { helpfulness: { Rating: '5' }, instruction_following: { Rating: 'N/A' } },
        },
        { response: 'B', annotations: { helpfulness: [{ Rating: '1' }, { Rating: '3' }] } },
      ],
    };
    const { rows: b, list } = await rated('ultrafeedback.jsonl', lines(ultra));
    expect(list).toEqual([]);
    expect(b.map(labels)).toEqual([{ helpfulness: [1] }, { helpfulness: [0, 0.5] }]);
    const beaver = { prompt: 'Q', response: 'A', is_safe: false, category: {} };
    expect(labels((await rated('beaver.jsonl', lines(beaver))).rows[0]!)).toEqual({ safe: [0] });
    const prometheus = { orig_instruction: 'Q', orig_response: 'A', orig_score: '4' };
    expect(labels((await rated('p.jsonl', lines(prometheus))).rows[0]!)).toEqual({
      'prometheus-score': [0.75],
    });
  });

  it('are read from any numeric columns, in JSON, CSV and Parquet, scaled by the data', async () => {
    const json = `[\n  {"question": "Q", "answer": "A", "quality": 2, "id": 7},\n  {"question": "R",\n   "answer": "B", "quality": [6, 4], "id": 8}\n]`;
    const { rows } = await rated('any.json', json);
    expect(rows.map((r) => [r.line, labels(r)])).toEqual([
      [2, { quality: [0] }],
      [3, { quality: [1, 0.5] }],
    ]);
    const csv = 'prompt,response,score\n"Q, long",A,1\n"two\nlines",B,"[3, 5]"\nX,C,5\n';
    const { rows: table } = await rated('any.csv', csv);
    expect(table.map((r) => [r.line, labels(r)])).toEqual([
      [2, { score: [0] }],
      [3, { score: [0.5, 1] }],
      [5, { score: [1] }],
    ]);
    const parquet = parquetWriteBuffer({
      columnData: [
        { name: 'prompt', data: ['Q', 'R'], type: 'STRING' },
        { name: 'response', data: ['A', 'B'], type: 'STRING' },
        { name: 'score', data: [1, 3], type: 'INT32' },
      ],
    });
    const { rows: columns } = await rated('any.parquet', new Uint8Array(parquet));
    expect(columns.map(labels)).toEqual([{ score: [0] }, { score: [1] }]);
  });

  it('follow a mapping, a scale and other names', async () => {
    const text = lines({ q: 'Q', a: 'A', stars: 3, noise: 9 });
    const { rows } = await rated('mapped.jsonl', text, {
      mapping: { prompt: 'q', response: 'a', labels: { rating: 'stars' } },
      scale: { rating: [1, 5] },
      rename: { rating: 'quality' },
    });
    expect(labels(rows[0]!)).toEqual({ quality: [0.5] });
  });

  const broken: [string, unknown, RegExp][] = [
    ['not JSON', '{', /broken\.jsonl:2: not JSON/],
    ['no prompt', { ...row, prompt: '' }, /broken\.jsonl:2: "prompt" must be/],
    ['no response', { ...row, response: 1 }, /broken\.jsonl:2: "response" must be/],
    ['an empty response', { ...row, response: ' ' }, /broken\.jsonl:2: the response is empty/],
    [
      'no raters',
      { ...row, scores: { helpful: [] } },
      /broken\.jsonl:2: helpful: the list of raters' labels is empty/,
    ],
    [
      'a label off the scale',
      { ...row, scores: { helpful: [6] } },
      /broken\.jsonl:2: helpful: the label 6 is outside of 1 to 5/,
    ],
    [
      'a label that is no number',
      { ...row, scores: { helpful: ['good'] } },
      /broken\.jsonl:2: helpful: found "good", expected a number/,
    ],
    [
      'an empty scale',
      { ...row, scale: { helpful: [1, 1] } },
      /broken\.jsonl:2: "scale" must give helpful/,
    ],
    ['another kind of record', [1], /broken\.jsonl:2: expected a JSON object/],
  ];
  it.each(broken)('name file and line of a row with %s, and go on', async (_, bad, message) => {
    const second = typeof bad === 'string' ? bad : JSON.stringify(bad);
    const good = JSON.stringify(row);
    const { rows, list } = await rated('broken.jsonl', `${good}\n${second}\n${good}\n`);
    expect(list).toHaveLength(1);
    expect(list[0]).toMatch(message);
    expect(rows.map((r) => r.line)).toEqual([1, 3]);
  });

  it('say so where a file holds none', async () => {
    for (const [name, content] of [
      ['e.jsonl', ''],
      ['b.jsonl', '\n \n'],
      ['e.json', '[]'],
      ['h.csv', 'prompt,response,score\n'],
    ] as const) {
      const { rows, list } = await rated(name, content);
      expect([rows, list]).toEqual([[], [`${name}:1: the file holds no records`]]);
    }
    // What is there and cannot be read is told alone.
    expect((await rated('x.jsonl', '{')).list).toEqual([
      expect.stringMatching(/^x\.jsonl:1: not JSON/),
    ]);
  });

  it('are grouped by the prompt without the blanks around it, as pairs are', async () => {
    const prompts = ['Hi', 'Hi ', '\n Hi\t', '\u200bHi\ufeff', 'H i'];
    const { rows } = await rated(
      'g.jsonl',
      lines(...prompts.map((prompt) => ({ ...row, prompt }))),
    );
    expect(rows.map((r) => r.group)).toEqual(['Hi', 'Hi', 'Hi', 'Hi', 'H i']);
    // What the model reads is left as it is.
    expect(rows.map((r) => r.messages[0]!.content)).toEqual(prompts);
    const { tell } = problems();
    const pairs = prompts.map((prompt) => ({ prompt, chosen: 'a', rejected: 'b' }));
    const read = await readPreferences(file('gp.jsonl', lines(...pairs)), {}, tell);
    expect(read.map((p) => p.group)).toEqual(rows.map((r) => r.group));
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const split = new Split(seed, 0.5);
      const held = new Set([...rows, ...read].slice(0, 4).map((r) => split.isHeldOut(r.group)));
      expect(held.size).toBe(1);
    }
  });

  it('fail as a whole only where the file cannot be read', async () => {
    await expect(readRated(join(folder, 'none.jsonl'), {}, () => undefined)).rejects.toThrow(
      /none\.jsonl: no such file/,
    );
  });
});

describe('pairs', () => {
  const turn = (answer: string): string => `\n\nHuman: Hi\n\nAssistant: ${answer}`;
  const read = async (name: string, text: string) => {
    const { list, tell } = problems();
    return { pairs: await readPreferences(file(name, text), {}, tell), list };
  };

  it('are read with the dataset readers', async () => {
    const line = lines({ chosen: turn('Hello.'), rejected: turn('No.') });
    const { pairs } = await read('pairs.jsonl', `${line}\n`);
    expect(pairs).toMatchObject([
      {
        chosen: [
          { role: 'user', content: 'Hi' },
          { role: 'assistant', content: 'Hello.' },
        ],
        rejected: [
          { role: 'user', content: 'Hi' },
          { role: 'assistant', content: 'No.' },
        ],
        group: 'Hi',
        line: 1,
      },
    ]);
  });

  it('leave out what is none, by file and line', async () => {
    const good = lines({ chosen: turn('a'), rejected: turn('b') });
    const same = lines({ chosen: turn('a'), rejected: turn('a') });
    const { pairs, list } = await read('bad.jsonl', `${good}\n{"chosen":\n${same}\n${good}\n`);
    expect(pairs.map((p) => p.line)).toEqual([1, 4]);
    expect(list[0]).toMatch(/^bad\.jsonl:2: /);
    expect(list[1]).toMatch(/^bad\.jsonl:3: .*pair without difference/);
  });
});
