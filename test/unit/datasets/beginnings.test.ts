import { describe, expect, it } from 'vitest';
import { csvDialect } from '../../../server/src/datasets/index.js';
import { chunked, ofText, readAll, turnsOf } from './helpers.js';

const pair = (n: number, indent?: number) =>
  JSON.stringify({ prompt: `Q${n}`, chosen: `good ${n}`, rejected: `bad ${n}` }, null, indent);
const texts = (n: number) => [`Q${n}`, `good ${n}`, `Q${n}`, `bad ${n}`];
const contents = (read: Awaited<ReturnType<typeof ofText>>) =>
  turnsOf(read.rows).map((t) => t.content);

describe('JSON text sequences (RFC 7464)', () => {
  const RS = '\u001e';
  it.each([
    ['a line each', `${RS}${pair(1)}\n${RS}${pair(2)}\n`],
    ['over several lines', `${RS}${pair(1, 2)}\n${RS}${pair(2, 2)}\n`],
    ['texts that are empty', `${RS}${RS}${pair(1)}\n${RS}\n${RS}${pair(2)}\n`],
  ])('are read: %s', async (_how, text) => {
    for (const name of ['a.jsonl', 'a.json', 'a.json-seq', '-']) {
      const read = await ofText(text, name);
      expect([name, read.problems, contents(read)]).toEqual([name, [], [...texts(1), ...texts(2)]]);
    }
  });

  it('in any chunks, with places that hold the text', async () => {
    const bytes = Buffer.from(`${RS}${pair(1)}\n${RS}${pair(2)}\n`);
    const whole = await ofText(bytes, 'a.jsonl');
    for (const size of [1, 2, 7])
      expect((await readAll({ stream: chunked(bytes, [size]), name: 'a.jsonl' })).events).toEqual(
        whole.events,
      );
    const places = whole.rows.map(({ place }) => bytes.toString('utf8', place.start, place.end));
    expect(places).toEqual([pair(1), pair(2)]);
  });

  it('a text that is cut ends where the next one begins', async () => {
    const read = await ofText(`${RS}{"prompt": "Q0", "chosen": [${RS}${pair(1, 1)}\n`, 'a.json');
    expect(contents(read)).toEqual(texts(1));
    expect(read.problems).toHaveLength(1);
  });
});

describe('comments before a table’s header', () => {
  const table = 'prompt,chosen,rejected\nQ1,good 1,bad 1\n';
  it.each([
    ['one', `# made by hand, in March\n${table}`, 'a.csv'],
    ['several, and empty lines', `# one\n#\n\n# two, three, four\r\n\r\n${table}`, 'a.csv'],
    ['after sep=', `sep=,\n# a comment\n${table}`, 'a.csv'],
    ['after a byte order mark', `\ufeff# a comment\n${table}`, 'a.csv'],
    ['with tabs', `# a comment\n${table.replaceAll(',', '\t')}`, 'a.tsv'],
    ['without a name', `# a comment\n${table}`, '-'],
  ])('are no header: %s', async (_how, text, name) => {
    const read = await ofText(text, name);
    expect([read.problems, contents(read)]).toEqual([[], texts(1)]);
    const { place } = read.rows[0]!;
    expect(Buffer.from(text).toString('utf8', place.start, place.end)).toMatch(/^Q1.good 1.bad 1$/);
    expect(place.line).toBe(text.split(/\r\n|\n/).indexOf(table.includes(',') && !name.endsWith('tsv') ? 'Q1,good 1,bad 1' : 'Q1\tgood 1\tbad 1')); // prettier-ignore
  });

  it('a header whose first name begins so is one, and so is a line of the same width', async () => {
    const named = await ofText('#,prompt,chosen,rejected\n1,Q1,good 1,bad 1\n', 'a.csv');
    expect(contents(named)).toEqual(texts(1));
    const dialect = csvDialect(Buffer.from('#a,b\nc,d\n'), 'csv', true);
    expect(dialect.skip).toBe(0);
  });
});

describe('labels of LLaMA-Factory’s KTO', () => {
  const talk = (kto_tag: unknown, more = {}) =>
    JSON.stringify({
      conversations: [
        { from: 'human', value: 'Q' },
        { from: 'gpt', value: 'first' },
        { from: 'human', value: 'And?' },
        { from: 'gpt', value: 'last' },
      ],
      kto_tag,
      ...more,
    });
  it.each([
    [true, true],
    [false, false],
    ['true', true],
    ['False', false],
    [1, true],
    [0, false],
  ])('of conversations: %j', async (tag, desirable) => {
    const { rows, problems } = await ofText(talk(tag));
    expect(problems).toEqual([]);
    const [c] = rows[0]!.conversations;
    expect(c).toMatchObject({ kind: 'completion', gold: { desirable } });
    expect(c!.targets.map((t) => c!.turns[t]!.content)).toEqual(['last']);
  });

  it('of Alpaca’s fields, and of messages with a label', async () => {
    const alpaca = { instruction: 'Q', input: '', output: 'A', kto_tag: false };
    const messages = [
      { role: 'user', content: 'Q' },
      { role: 'assistant', content: 'A' },
    ];
    const read = await ofText(`${JSON.stringify(alpaca)}\n${JSON.stringify({ messages, label: true })}\n`); // prettier-ignore
    expect(read.problems).toEqual([]);
    expect(read.rows.map((r) => r.conversations[0]!.gold?.desirable)).toEqual([false, true]);
  });

  it('a tag that says nothing is told; a conversation without one has all its answers', async () => {
    const odd = await ofText(talk('maybe'));
    expect(odd.problems[0]?.message).toMatch(/kto_tag holds 'maybe'; expected true or false/);
    expect(odd.rows[0]!.conversations[0]).not.toHaveProperty('gold');
    const none = await ofText(talk(undefined));
    expect(none.problems).toEqual([]);
    expect(none.rows[0]!.conversations[0]!.targets).toHaveLength(2);
  });
});
