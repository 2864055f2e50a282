import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRow, readDataset } from '../../../../server/src/datasets/index.js';

let root: string;
let n = 0;
beforeAll(() => void (root = mkdtempSync(join(tmpdir(), 'qrm-batch-'))));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const lines = (...records: object[]) => records.map((r) => `${JSON.stringify(r)}\n`).join('');
const asks = (custom_id: string, body: object) => ({ custom_id, method: 'POST', url: '/v1/x', body }); // prettier-ignore
const says = (custom_id: string, content: string) => ({
  id: `batch_${custom_id}`,
  custom_id,
  response: { status_code: 200, body: { choices: [{ message: { role: 'assistant', content } }] } },
  error: null,
});
const user = (content: string) => ({ role: 'user', content });

/** What is read of a file that stands beside others. */
async function read(name: string, files: Readonly<Record<string, string>>) {
  const folder = join(root, `${n++}`);
  mkdirSync(folder);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  const [talks, problems]: [string[], string[]] = [[], []];
  for await (const event of readDataset({ path: join(folder, name) })) {
    if (event.type === 'problem') {
      problems.push(event.problem.message);
      continue;
    }
    for (const { turns, targets } of event.row.conversations) {
      talks.push(turns.map((t, i) => `${targets.includes(i) ? '*' : ''}${t.role} ${t.content}`).join(' | ')); // prettier-ignore
      const answer = turns.at(-1)!;
      // The answer stands in this file, to the byte; its prompt does not.
      const own = Buffer.from(files[name]!).subarray(answer.place!.start, answer.place!.end);
      expect(own.toString()).toBe(answer.content);
      expect(turns.slice(0, -1).every((t) => t.place === undefined)).toBe(true);
    }
  }
  return { talks, problems };
}

describe("a batch's results are joined with their prompts by custom_id", () => {
  it.each([
    ['chat', { messages: [{ role: 'system', content: 'S' }, user('Q')] }, 'system S | user Q'],
    ['responses with a text', { input: 'Q', instructions: 'S' }, 'system S | user Q'],
    ['responses with a list', { input: [user('Q')] }, 'user Q'],
    ['completions', { prompt: 'Q' }, 'user Q'],
  ])('OpenAI: %s', async (_, body, asked) => {
    const { talks, problems } = await read('out.jsonl', {
      'out.jsonl': lines(says('b', 'B'), says('a', 'A'), { id: 'x', custom_id: 'c', response: null, error: {} }), // prettier-ignore
      'in.jsonl': lines(asks('a', body), asks('b', { messages: [user('R')] }), asks('c', body)),
    });
    expect(problems).toEqual([]);
    expect(talks).toEqual(['user R | *assistant B', `${asked} | *assistant A`]);
  });

  it('Anthropic: parameters with a system text', async () => {
    const result = { type: 'succeeded', message: { role: 'assistant', content: [{ type: 'text', text: 'A' }] } }; // prettier-ignore
    const { talks, problems } = await read('results.jsonl', {
      'results.jsonl': lines({ custom_id: 'a', result }),
      'requests.jsonl': lines({ custom_id: 'a', params: { system: 'S', messages: [user('Q')] } }),
    });
    expect(problems).toEqual([]);
    expect(talks).toEqual(['system S | user Q | *assistant A']);
  });

  it('of several inputs the one whose name is like; where two fit alike none is taken, and it is said', async () => {
    const out = lines(says('a', 'A'));
    const of = (text: string) => lines(asks('a', { messages: [user(text)] }));
    const beside = { 'july.out.jsonl': out, 'july.in.jsonl': of('July'), 'may.in.jsonl': of('May') }; // prettier-ignore
    expect(await read('july.out.jsonl', beside)).toEqual({ talks: ['user July | *assistant A'], problems: [] }); // prettier-ignore
    const alike = await read('out.jsonl', { 'out.jsonl': out, 'x.jsonl': of('X'), 'y.jsonl': of('Y') }); // prettier-ignore
    expect(alike.talks).toEqual(['*assistant A']);
    expect(alike.problems).toEqual([expect.stringContaining("in the batch's input file")]);
  });

  it('of an open text or a pipe nothing stands beside it, and that is said', async () => {
    const bytes = Buffer.from(lines(says('a', 'A')));
    const said: string[] = parseRow(bytes, 0, 0).flatMap((e) => (e.type === 'problem' ? e.problem.message : [])); // prettier-ignore
    for await (const event of readDataset({ bytes, name: 'out.jsonl' }))
      if (event.type === 'problem') said.push(event.problem.message);
    expect(said).toHaveLength(2);
    for (const message of said) expect(message).toMatch(/batch's input file.*not beside an open text or a pipe/); // prettier-ignore
  });

  it('what is no input, is damaged, or lacks the request, costs nothing else', async () => {
    const { talks, problems } = await read('out.jsonl', {
      'out.jsonl': lines(says('a', 'A'), says('gone', 'B'), says('c', 'C')),
      'data.jsonl': lines({ prompt: 'custom_id', response: '"custom_id": "a"' }),
      'old.jsonl': lines(says('a', 'Old')),
      'in.jsonl': `${lines(asks('a', { messages: [user('Q')] }))}{"custom_id": "c", "body": {"mess\n`,
      'empty.jsonl': '',
    });
    expect(talks).toEqual(['user Q | *assistant A', '*assistant B', '*assistant C']);
    expect(problems).toHaveLength(2);
  });
});
