import fc from 'fast-check';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { ofText, readAll, TextView } from '../helpers.js';
import { bot, refused, said, told, user } from './helpers.js';

const text = fc
  .array(
    fc.constantFrom('a', ' ', '\n', '"', '\\', ',', 'é', '漢', '😀', "'", '{', ']', '\u2028', '/'),
    { maxLength: 12 },
  )
  .map((a) => `x${a.join('')}y`);
const cell = (s: string): string => `"${s.replaceAll('"', '""')}"`;
const ascii = (v: unknown): string =>
  JSON.stringify(v).replace(
    /[^\x00-\x7f]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

type Row = Record<string, unknown>;
/** One row in each container; lists as JSON strings where a container has no lists, or `asText`. */
async function everywhere(row: Row, asText: boolean): Promise<Record<string, string[]>> {
  const flat = Object.fromEntries(
    Object.entries(row).map(([k, v]) => [k, typeof v === 'string' ? v : JSON.stringify(v)]),
  );
  const given = asText ? flat : row;
  const header = Object.keys(row);
  const csv = `${header.join(',')}\n${header.map((k) => cell(flat[k]!)).join(',')}\n`;
  const parquet = parquetWriteBuffer({
    columnData: header.map((name) => ({
      name,
      data: [given[name]],
      type: typeof given[name] === 'string' ? ('STRING' as const) : ('JSON' as const),
    })),
  });
  const read = async (source: string | ArrayBuffer, name: string) => {
    const { rows } = await ofText(Buffer.from(source as string), name);
    return told(rows[0]);
  };
  return {
    jsonl: await read(JSON.stringify(given), 'x.jsonl'),
    json: await read(JSON.stringify([given], null, 1), 'x.json'),
    csv: await read(csv, 'x.csv'),
    parquet: await read(parquet, 'x.parquet'),
  };
}

describe('the same row in every container', () => {
  const messages = fc
    .array(fc.tuple(text, text), { minLength: 1, maxLength: 3 })
    .map((turns) => turns.flatMap(([q, a]) => [user(q), bot(a)]));
  const answer = fc.oneof(
    text,
    fc.constantFrom('[1, 2, 3]', '{"answer": "42"}', '[]', '["a"]', '[{"a": 1}]', '42', 'true'),
    fc.json().filter((s) => !s.includes('\ud800')),
  );
  const row = fc.oneof(
    fc.record({ prompt: text, chosen: answer, rejected: answer }),
    fc.record({ chosen: messages, rejected: messages }),
    fc.record({ prompt: text, response: answer }),
    fc.record({ messages }),
    messages.chain((m) => text.map((a) => ({ prompt: m.slice(0, -1), chosen: a, rejected: 'b' }))),
  );

  it('gives equal conversations', async () => {
    await fc.assert(
      fc.asyncProperty(row, fc.boolean(), async (r, asText) => {
        const { jsonl, json, csv, parquet } = await everywhere(r, asText);
        expect(jsonl!.length).toBeGreaterThan(0);
        expect([json, csv, parquet]).toEqual([jsonl, jsonl, jsonl]);
      }),
      { numRuns: 200 },
    );
  });

  it('turns of JSON in a cell or a string stand at their exact places', async () => {
    await fc.assert(
      fc.asyncProperty(messages, fc.boolean(), fc.boolean(), async (list, escape, inCsv) => {
        const inner = escape ? ascii(list) : JSON.stringify(list);
        const source = inCsv
          ? `chosen,rejected\n${cell(inner)},${cell(inner)}\n`
          : `{"chosen":${escape ? ascii(inner) : JSON.stringify(inner)},"rejected":"[]","x":1}`;
        const bytes = Buffer.from(source);
        const { rows } = await ofText(bytes, inCsv ? 'x.csv' : 'x.jsonl');
        const view = new TextView(bytes);
        const turns = rows[0]!.conversations[0]!.turns;
        expect(turns.map((t) => t.content)).toEqual(list.map((m) => m.content));
        for (const { pieces, content } of turns) {
          const [p] = pieces!;
          const written = view.slice(p!);
          expect(view.sliceByColumns(p!)).toBe(written);
          const outer = inCsv
            ? written.replaceAll('""', '"')
            : (JSON.parse(`"${written}"`) as string);
          expect(JSON.parse(`"${outer}"`)).toBe(content);
        }
      }),
    );
  });
});

describe('what is structure, and what is text', () => {
  const list = [user('Q'), bot('A')];
  it.each<[string, unknown]>([
    ['messages', JSON.stringify(list)],
    ['with white space', ` ${JSON.stringify(list, null, 2)}\n`],
    ['from and value', '[{"from":"human","value":"Q"},{"from":"gpt","value":"A"}]'],
    ['an object of lists', { role: ['user', 'assistant'], content: ['Q', 'A'] }],
    ['an object of lists as a string', '{"role":["user","assistant"],"content":["Q","A"]}'],
  ])('%s', async (_name, chosen) => {
    const { read } = await said({ chosen, rejected: chosen });
    expect(read[0]).toBe('chosen: user Q | *assistant A');
  });

  it.each([
    '[1, 2, 3]',
    '{"answer": "42"}',
    '[]',
    '{}',
    '["a", "b"]',
    '[{"role": "admin", "content": "x"}]',
    '[{"name": "f", "arguments": {}}]',
    '{"role": "assistant", "content": "x"}',
    '[{"role": "user"}]',
    '{"role": "user", "answer": ',
    "{'a': 1}",
    "['a', 'b']",
    "[{'name': 'x'}]",
    '[not json',
  ])('%s is a text', async (answer) => {
    const { read, problems } = await said({ prompt: 'Q', chosen: answer, rejected: 'b' });
    expect(read[0]).toBe(`chosen: user Q | *assistant ${answer}`);
    expect(problems).toEqual([]);
  });

  it.each([
    "[{'role': 'user', 'content': 'Q'}, {'role': 'assistant', 'content': \"It's 4.\"}]",
    "[{'content': 'Q', 'role': 'user'}\n {'content': 'A', 'role': 'assistant'}]",
    "array([{'content': 'Q', 'role': 'user'}], dtype=object)",
    "{'role': ['user'], 'content': ['Q']}",
    "[{'from': 'human', 'value': 'Q'}]",
  ])("Python's notation is said: %s", async (chosen) => {
    await refused({ chosen, rejected: 'x', prompt: 'Q' }, 'chosen', 'Python');
    await refused({ messages: chosen }, 'messages', 'Python');
    await refused({ prompt: chosen, response: 'x' }, 'prompt', 'Python');
  });

  it('a damaged list of messages is said, where it is damaged', async () => {
    const chosen = '[{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"]';
    const line = JSON.stringify({ chosen, rejected: 'x' });
    const { problems } = await ofText(line);
    expect(problems).toHaveLength(1);
    expect(problems[0]!.message).toContain('malformed JSON');
    expect(new TextView(Buffer.from(line)).slice(problems[0]!.place)).toBe(']');
    await refused({ chosen: { role: ['user'], content: ['a', 'b'] }, rejected: 'x' }, 'one length');
  });

  it('a list of completions in a CSV cell', async () => {
    const { rows } = await ofText(`prompt,completions\nQ,${cell('["a","b"]')}\n`, 'x.csv');
    expect(told(rows[0])).toEqual(['0: user Q | *assistant a', '1: user Q | *assistant b']);
  });

  it('a mapping looks into JSON in a string', async () => {
    const mapping = { prompt: 'd.q', response: 'd.a.0' };
    const csv = `d\n${cell('{"q":"Q","a":["A"]}')}\n`;
    const { rows } = await readAll({ bytes: Buffer.from(csv), name: 'x.csv' }, { mapping });
    expect(told(rows[0])).toEqual(['response: user Q | *assistant A']);
  });
});
