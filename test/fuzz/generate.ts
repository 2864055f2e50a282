import { parquetWriteBuffer } from 'hyparquet-writer';
import type { Random } from './random.js';

export interface DataFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Pieces of text that make places hard. */
const UNITS = [
  'a', 'Z', ' ', '  ', '\n', '\r\n', '\r', '"', '""', '\\', ',', ';', '|', '\t', 'é', '漢', '😀', '\u2028', '\ufeff', '\0',
  '/', '{', '}', '[', ']', ':', '\u0001', '\u0085', '## User', '**Assistant:**', 'User: ', '\n\nHuman: ', '\n\nAssistant: ',
  '```', '\n```\n', "'", '\\u00e9', '\ud800', '* * *', '<b>', '=1+1', '{"role": "user", "content": "x"}', '[1, 2]',
]; // prettier-ignore

export const text = (r: Random, max = 12): string =>
  r.chance(0.5) ? r.pick(['Hi?', 'Yes.', 'No, never.', 'The sky is blue.', 'x']) : `${r.pick(['x', '', 'T'])}${r.times(0, max, () => r.pick(UNITS)).join('')}${r.pick(['y', '', '.'])}`; // prettier-ignore

const message = (r: Random, role: string): unknown =>
  r.pick<(s: string) => unknown>([
    (content) => ({ role, content }),
    (value) => ({ from: role === 'user' ? 'human' : 'gpt', value }),
    (t) => ({ role, content: [{ type: 'text', text: t }] }),
  ])(text(r));
const messages = (r: Random): unknown[] =>
  r.times(1, 3, (i) => [message(r, 'user'), message(r, i < 9 ? 'assistant' : 'tool')]).flat();
const talk = (r: Random): string =>
  r.times(1, 3, () => `\n\nHuman: ${text(r)}\n\nAssistant: ${text(r)}`).join('');

/** A record in one of the forms that are read. */
export const record = (r: Random): Record<string, unknown> =>
  r.pick<() => Record<string, unknown>>([
    () => ({ prompt: text(r), chosen: text(r), rejected: text(r) }),
    () => ({ chosen: talk(r), rejected: talk(r) }),
    () => ({ prompt: text(r), response: text(r), label: r.chance(0.5) }),
    () => ({ instruction: text(r), input: r.chance(0.5) ? '' : text(r), output: text(r) }),
    () => ({ messages: messages(r), id: r.int(0, 9) }),
    () => ({ conversations: messages(r), system: text(r) }),
    () => ({ prompt: text(r), completions: r.times(1, 3, () => ({ model: text(r, 2), response: text(r) })) }),
    () => ({ prompt: [message(r, 'user')], chosen: [message(r, 'assistant')], rejected: [message(r, 'assistant')] }),
    () => ({ question: text(r), response_0: text(r), response_1: text(r), score: r.pick([1, -0.5, 1e300, null, true]) }),
  ])(); // prettier-ignore

/** As Python's json.dumps writes it: every other character than ASCII escaped. */
const ascii = (s: string): string =>
  s.replace(/[^\x00-\x7f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

const EOLS = ['\n', '\r\n', '\r'];

function table(r: Random, rows: readonly Record<string, string>[], name: string): DataFile {
  const delimiter = name.endsWith('tsv') ? '\t' : r.pick([',', ',', ',', ';', '|', '\t']);
  const all = r.chance(0.2);
  const quoted = !(delimiter === '\t' && r.chance(0.4));
  const cell = (s: string): string => {
    if (!quoted) return s.replace(/[\t\r\n]/g, ' ');
    return all || /["\r\n]/.test(s) || s.includes(delimiter) ? `"${s.replaceAll('"', '""')}"` : s;
  };
  const columns = Object.keys(rows[0] ?? { prompt: '', chosen: '', rejected: '' });
  const lines = rows.map((row) => columns.map((c) => cell(row[c] ?? '')).join(delimiter));
  const eol = r.pick(EOLS);
  const head = r.chance(0.05) && delimiter !== '\t' ? `sep=${delimiter}${eol}` : '';
  const body = [columns.map(cell).join(delimiter), ...lines].join(eol);
  return { name, bytes: Buffer.from(head + body + (r.chance(0.5) ? eol : '')) };
}

function json(r: Random, rows: readonly Record<string, unknown>[]): DataFile {
  const indent = r.pick([0, 0, 1, 2]);
  const columns = Object.keys(rows[0] ?? {});
  const values = (row: Record<string, unknown>): unknown[] => columns.map((c) => row[c]);
  const by = <T>(make: (c: string) => T): Record<string, T> =>
    Object.fromEntries(columns.map((c) => [c, make(c)]));
  const shape = r.pick<() => unknown>([
    () => rows,
    () => rows,
    () => ({ version: '1', data: rows, end: [1] }),
    () => ({ train: rows, test: rows.slice(0, 1) }),
    () => ({ columns, index: rows.map((_, i) => i), data: rows.map(values) }),
    () => Object.fromEntries(rows.map((row, i) => [i, row])),
    () => by((c) => Object.fromEntries(rows.map((row, i) => [i, row[c]]))),
    () => by((c) => rows.map((row) => row[c])),
    () => ({ rows: rows.map((row, row_idx) => ({ row_idx, row })) }),
    () => rows.map(values),
    () => messages(r),
    () => rows[0],
  ])();
  const body =
    r.chance(0.15)
      ? rows.map((row) => JSON.stringify(row, null, indent)).join(r.pick(['\n', ' ', ',', ',\n', '\r']))
      : JSON.stringify(shape, null, indent) ?? ''; // prettier-ignore
  const written = r.chance(0.5) ? ascii(body) : body;
  return { name: 'x.json', bytes: Buffer.from(written.replaceAll('\n', r.pick(EOLS))) };
}

function jsonl(r: Random, rows: readonly Record<string, unknown>[]): DataFile {
  const eol = r.pick(EOLS);
  const lines = rows.map((row) =>
    r.chance(0.5) ? ascii(JSON.stringify(row)) : JSON.stringify(row),
  );
  const body = lines.join(r.chance(0.1) ? eol + eol : r.chance(0.1) ? `,${eol}` : eol);
  return {
    name: r.pick(['x.jsonl', 'x.ndjson', 'x']),
    bytes: Buffer.from(body + r.pick([eol, ''])),
  };
}

function markdown(r: Random): DataFile {
  const style = r.pick<(role: string) => string>([
    (role) => `## ${role}\n\n`,
    (role) => `**${role}:** `,
    (role) => `**${role}**\n\n`,
    (role) => `${role}: `,
    (role) => `#### ${role} said:\n\n`,
    (role) => `${role}\n----\n`,
  ]);
  const [user, bot] = r.pick([['User', 'Assistant'], ['You', 'ChatGPT'], ['Human', 'AI']]); // prettier-ignore
  const rule = r.chance(0.2) ? '* * *\n\n' : '';
  const turns = r.times(
    1,
    4,
    () => `${style(user!)}${text(r, 20)}\n\n${rule}${style(bot!)}${text(r, 20)}\n\n${rule}`,
  );
  const body = `${r.pick(['', '# A chat\n\n'])}${turns.join('')}`;
  return {
    name: r.pick(['x.md', 'x.txt']),
    bytes: Buffer.from(body.replaceAll('\n', r.pick(EOLS))),
  };
}

function parquet(r: Random, rows: readonly Record<string, string>[]): DataFile {
  const columns = Object.keys(rows[0] ?? { prompt: '', response: '' });
  const columnData = columns.map((name) => ({
    name,
    data: rows.map((row) => row[name] ?? '').concat(rows.length === 0 ? ['x'] : []),
    type: 'STRING' as const,
  }));
  return {
    name: 'x.parquet',
    bytes: Buffer.from(parquetWriteBuffer({ columnData, rowGroupSize: r.int(1, 4) })),
  };
}

/** A data set of a few rows in any of the formats, as a program would write it. */
export function dataFile(r: Random, formats: readonly string[] = FORMATS): DataFile {
  const form = r.pick(formats);
  const flat = (): Record<string, string> =>
    r.chance(0.5) ? { chosen: talk(r), rejected: talk(r) } : { prompt: text(r), chosen: text(r), rejected: text(r) }; // prettier-ignore
  const made =
    form === 'csv' || form === 'tsv'
      ? table(r, sameKeys(r.times(0, 5, flat)), `x.${form}`)
      : form === 'json'
        ? json(r, sameKeys(r.times(1, 5, () => record(r))))
        : form === 'markdown'
          ? markdown(r)
          : form === 'parquet'
            ? parquet(r, sameKeys(r.times(1, 5, flat)))
            : jsonl(
                r,
                r.times(0, 6, () => record(r)),
              );
  const mark = form !== 'parquet' && r.chance(0.15);
  return mark ? { ...made, bytes: Buffer.concat([Buffer.from('\ufeff'), made.bytes]) } : made;
}

export const FORMATS = ['jsonl', 'jsonl', 'json', 'json', 'csv', 'csv', 'tsv', 'markdown', 'parquet'] as const; // prettier-ignore

/** Rows of one form, as a table has them: those whose fields are not the first one's are left out. */
function sameKeys<T extends Record<string, unknown>>(rows: readonly T[]): T[] {
  const keys = rows[0] === undefined ? '' : Object.keys(rows[0]).join();
  return rows.filter((row) => Object.keys(row).join() === keys);
}
