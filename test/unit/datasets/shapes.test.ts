import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { detectFormat } from '../../../server/src/datasets/index.js';
import { ofText, type Read } from './helpers.js';

const said = ({ rows }: Read): string[][] =>
  rows.map((r) => r.conversations.map((c) => c.turns.map((t) => t.content).join('|')));
const told = ({ problems }: Read): unknown[] =>
  problems.map((p) => [p.index, p.code, p.place.line, p.place.column]);
const A = { prompt: 'Hi?', chosen: 'Hello.', rejected: 'No.' };
const B = { prompt: 'Bye?', chosen: 'Goodbye.', rejected: 'Na.' };
const BOTH = [
  ['Hi?|Hello.', 'Hi?|No.'],
  ['Bye?|Goodbye.', 'Bye?|Na.'],
];
const keys = Object.keys(A) as (keyof typeof A)[];
const by = (make: (k: keyof typeof A) => unknown): unknown =>
  Object.fromEntries(keys.map((k) => [k, make(k)]));

describe('what JSON files hold besides a list of records', () => {
  it.each<[string, unknown]>([
    ['pandas, columns', by((k) => ({ 0: A[k], 1: B[k] }))],
    ['pandas, split', { columns: keys, index: [0, 1], data: [Object.values(A), Object.values(B)] }],
    ['pandas, index', { 0: A, 1: B }],
    ['pandas, table', { schema: { fields: [{ name: 'prompt' }] }, data: [A, B] }],
    ['lists by column', by((k) => [A[k], B[k]])],
    ['a list inside an object', { version: '1', data: [A, B], licence: { name: 'MIT' } }],
    ['several lists', { train: [A], meta: [{ a: 1 }], test: [B] }],
    ['the rows of a dataset viewer', { rows: [A, B].map((row, row_idx) => ({ row_idx, row })) }],
  ])('%s', async (_name, value) => {
    for (const indent of [0, 2]) {
      const text = JSON.stringify(value, null, indent);
      const read = await ofText(text, 'x.json');
      expect(told(read)).toEqual([]);
      expect(said(read)).toEqual(BOTH);
      expect(await detectFormat({ bytes: Buffer.from(text), name: 'x.json' })).toMatchObject({
        container: 'json',
        schema: 'preference',
      });
    }
  });

  it('lists one after another, lists of lists by line, one conversation as a list', async () => {
    const [a, b] = [JSON.stringify([A]), JSON.stringify([B])];
    for (const text of [`${a}${b}`, `${a}\n${b}\n`, `${a}\r${b}`])
      for (const name of ['x.json', 'x.jsonl'])
        expect(said(await ofText(text, name))).toEqual(BOTH);
    const talk = [
      { role: 'user', content: 'Q' },
      { role: 'assistant', content: 'A' },
    ];
    for (const indent of [0, 2])
      expect(said(await ofText(JSON.stringify(talk, null, indent), 'x.json'))).toEqual([['Q|A']]);
    const indented = [A, B].map((record) => JSON.stringify(record, null, 2)).join('\n');
    for (const name of ['x.json', 'x.jsonl']) {
      const read = await ofText(indented, name);
      expect(told(read)).toEqual([]);
      expect(said(read)).toEqual(BOTH);
      const found = await detectFormat({ bytes: Buffer.from(indented), name });
      expect(found).toMatchObject({ container: 'json', schema: 'preference' });
    }
    // A cut first line is no indented object.
    const cut = await ofText(`{\n${JSON.stringify(A)}\n${JSON.stringify(B)}\n`, 'x.jsonl');
    expect([told(cut), said(cut)]).toEqual([[[0, 'malformed-row', 0, 1]], BOTH]);
    const lines = `${JSON.stringify(talk)}\n${JSON.stringify(talk)}`;
    expect(said(await ofText(lines, 'x.jsonl'))).toEqual([['Q|A'], ['Q|A']]);
  });
});

describe('what stands between records costs none of them', () => {
  const [a, b] = [JSON.stringify(A), JSON.stringify(B)];
  it.each<[string, string, string, unknown[]]>([
    ['[] ,', '[] ,', 'x.json', [[undefined, 'stray-text', 0, 3]]],
    ['commas after lines', `${a},\n${b},\n`, 'x.jsonl', [[0, 'stray-text', 0, a.length], [1, 'stray-text', 1, b.length]]],
    ['a comma before the end', `[${a},${b},]`, 'x.json', [[undefined, 'stray-text', 0, a.length + b.length + 3]]],
    ['no comma', `[${a}\n${b}]`, 'x.json', [[undefined, 'stray-text', 1, 0]]],
    ['a bracket too many', `[${a},${b}]\n]`, 'x.json', [[2, 'malformed-row', 1, 0]]],
    ['a comment', `// pairs\n[${a},${b}]`, 'x.json', [[0, 'malformed-row', 0, 0]]],
    ['joined files', `\ufeff${a}\n\ufeff${b}`, 'x.jsonl', [[1, 'stray-text', 1, 0]]],
    ['joined lists', `\ufeff[${a}]\n\ufeff[${b}]`, 'x.json', [[undefined, 'stray-text', 1, 0]]],
  ])('%s', async (_name, text, file, problems) => {
    const read = await ofText(text, file);
    expect(told(read)).toEqual(problems);
    expect(said(read)).toEqual(text.startsWith('[]') ? [] : BOTH);
    expect(read.problems[0]!.message).toMatch(/found .*expected/is);
  }); // prettier-ignore

  it.each(['[] ,', ',', ']', '}', ':', '[,', '[]]', '{} ]', '[1,,2]', '"', '{"', '{"a"', '\\', '-', '[}', '{]', '\0', '[\ufeff'])(
    '%j ends, with a problem within the file',
    async (text) => {
      for (const name of ['x.json', 'x.jsonl', 'x']) {
        const read = await ofText(text, name);
        expect(read.problems.length).toBeGreaterThan(0);
      }
    },
  ); // prettier-ignore

  it('depth of any size, open and closed, costs its own record', async () => {
    const brackets = [['[', ']'], ['{"a":', '}'], ['[{"a":', '}]'], ['[', '}'], ['{', ']']] as const; // prettier-ignore
    for (const depth of [10, 1000, 300_000])
      for (const [open, close] of brackets) {
        const deep = `${open.repeat(depth)}1${close.repeat(depth)}`;
        const read = await ofText(`${a}\n{"prompt":"q","x":${deep}}\n${b}`);
        expect(said(read).slice(0, 1)).toEqual(BOTH.slice(0, 1));
        expect(said(read).at(-1)).toEqual(BOTH[1]);
        for (const name of ['x.json', 'x.csv', 'x.md']) await ofText(deep, name);
      }
  });
});

describe('how tables are written', () => {
  const table = (cells: string[][], delimiter: string): string =>
    cells.map((row) => row.join(delimiter)).join('\n');
  it.each([';', '|', '\t', ','])('cells by %j, whatever the name', async (delimiter) => {
    const other = delimiter === ',' ? ';' : ',';
    const cells = [
      keys,
      Object.values({ ...A, chosen: `Hello${other} friend.` }),
      Object.values(B),
    ];
    for (const name of ['x.csv', 'x.tsv'])
      for (const text of [
        table(cells, delimiter),
        `sep=${delimiter}\n${table(cells, delimiter)}`,
      ]) {
        const read = await ofText(text, name);
        expect(told(read)).toEqual([]);
        expect(said(read)[0]).toEqual([`Hi?|Hello${other} friend.`, 'Hi?|No.']);
      }
  });

  it('quotes in a table with tabs are characters where no writer of CSV would put them', async () => {
    const head = 'prompt\tchosen\trejected\n';
    const plain = await ofText(`${head}Who?\t"Nobody" said.\tNo.\nFilm?\t"Heat\tNone.\n`, 'x.tsv');
    expect(said(plain)).toEqual([['Who?|"Nobody" said.', 'Who?|No.'], ['Film?|"Heat', 'Film?|None.']]); // prettier-ignore
    const swallow = await ofText(`${head}Q1\tA1\t"B1\nQ2\tA2\tB2\nQ3\tA3\tB3"\n`, 'x.tsv');
    expect(swallow.rows).toHaveLength(3);
    const quoted = await ofText(`${head}Q\t"two\nlines"\t"a ""word"""\n`, 'x.tsv');
    expect(said(quoted)).toEqual([['Q|two\nlines', 'Q|a "word"']]);
  });

  it('a problem after cells of several lines is where an editor shows it', async () => {
    const text = 'prompt,chosen,rejected\n"a\nb","c\r\nd","e"x,y\nshort,row\nHi?,x ""y"" z,no';
    const read = await ofText(text, 'x.csv');
    expect(told(read)).toEqual([[0, 'malformed-row', 3, 6], [1, 'malformed-row', 4, 0]]); // prettier-ignore
    expect(said(read)).toEqual([['Hi?|x ""y"" z', 'Hi?|no']]);
  });

  it('a header alone, a header again, a header of empty names', async () => {
    expect(told(await ofText('prompt,chosen,rejected\n', 'x.csv'))).toEqual([[undefined, 'empty-file', 1, 0]]); // prettier-ignore
    const again = await ofText('prompt,response\na,b\n\ufeffprompt,response\nc,d', 'x.csv');
    expect(said(again)).toEqual([['a|b'], ['c|d']]);
    expect(again.problems.map((p) => p.code)).toEqual(['stray-text', 'stray-text']);
    expect((await ofText(',,\na,b,c', 'x.csv')).problems).toHaveLength(1);
  });
});

describe('Markdown', () => {
  const turns = async (text: string): Promise<string[]> =>
    (await ofText(text, 'x.md')).rows.flatMap((r) =>
      r.conversations[0]!.turns.map((t) => `${t.role}: ${t.content}`),
    );
  it('headings inside an answer are text', async () => {
    expect(await turns('## User\n\nPlan?\n\n## Assistant\n\nHere:\n\n## System\n\nS\n\n## Model\n\nM\n')).toEqual(['user: Plan?', 'assistant: Here:\n\n## System\n\nS\n\n## Model\n\nM']); // prettier-ignore
    expect(await turns('# User\nQ\n# Assistant\nA\n## User\nx\n## Assistant\ny\n# User\nR\n# Assistant\nB')).toEqual(['user: Q', 'assistant: A\n## User\nx\n## Assistant\ny', 'user: R', 'assistant: B']); // prettier-ignore
    expect(await turns('**Model:** tiny\n\n## User\nQ\n> ## Assistant\n\n## Assistant\nA')).toEqual(['user: Q\n> ## Assistant', 'assistant: A']); // prettier-ignore
  });
  it('a role that comes twice is told', async () => {
    const read = await ofText('## User\nQ\n## Assistant\nA\n## Assistant\nB', 'x.md');
    expect(said(read)).toEqual([['Q|A\n## Assistant\nB']]);
    expect(told(read)).toEqual([[0, 'stray-text', 4, 0]]);
  });
  it('other exports: said, rules between turns, underlined names, old line ends', async () => {
    const two = ['user: Hi?', 'assistant: Hello.'];
    for (const text of [
      '**You:**\nHi?\n\n* * *\n\n**ChatGPT:**\nHello.\n\n* * *\n',
      '#### You said:\n\nHi?\n\n#### ChatGPT said:\n\nHello.\n',
      'User\n====\nHi?\n\nAssistant\n=========\nHello.',
      '## User ##\rHi?\r## Assistant ##\rHello.\r',
      '**You said:** Hi?\n\n**ChatGPT said:** Hello.',
    ])
      expect(await turns(text)).toEqual(two);
  });
  it('long lines of anything take no longer than others', async () => {
    const long = (s: string): string => s.repeat(200_000 / s.length);
    for (const s of [' ', '*', '# ', '_:', '(', '`', '- ', '\t', 'User', '** ', '\n', '\r', '#'])
      for (const line of [`# ${long(s)}User${long(s)}x`, `**User${long(s)}`, `User${long(s)}:`, long(s)])
        await ofText(`${line}\n\n## Assistant\nok`, 'x.md');
  }); // prettier-ignore
});

describe('files that are something else', () => {
  it.each<[string, Buffer | string, RegExp]>([
    ['x.jsonl', 'version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n', /Git LFS pointer.*12 bytes/],
    ['x.parquet', 'version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n', /Git LFS pointer/],
    ['x.json', '<!DOCTYPE html><html></html>', /HTML/],
    ['x.csv', Buffer.from('PK\x03\x04\x14\0\0'), /ZIP/],
    ['x.jsonl', Buffer.from('{"prompt":"a"}\n', 'utf16le'), /UTF-16/],
    ['x.csv', Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from('prompt,chosen', 'utf16le').swap16()]), /UTF-16/],
    ['x.jsonl', gzipSync(gzipSync('{"prompt":"q","response":"r"}')), /gzip inside of a compressed file/],
    ['x.json', Buffer.from([0xff, 0xfe, 0, 0, 0x5b, 0, 0, 0]), /UTF-32/],
    ['x.jsonl', Buffer.from([0, 0, 0, 0x7b, 0, 0, 0, 0x22, 0, 0, 0, 0x61]), /UTF-32/],
  ])('%s is named', async (name, bytes, message) => {
    const read = await ofText(bytes as string, name);
    expect(told(read)).toEqual([[undefined, 'unreadable', 0, 0]]);
    expect(read.problems[0]!.message).toMatch(message);
    expect(read.problems[0]!.message).toContain('expected');
  }); // prettier-ignore

  it('Windows-1252 is told with the character that was meant', async () => {
    const read = await ofText(Buffer.from('prompt,response\ncaf\xe9,ol\xe9\n', 'latin1'), 'x.csv');
    expect(read.problems[0]).toMatchObject({ code: 'invalid-utf8', place: { column: 3, endColumn: 4 } });
    expect(read.problems[0]!.message).toContain('é in Windows-1252');
  }); // prettier-ignore
});
