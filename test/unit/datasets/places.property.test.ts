import fc from 'fast-check';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createPlaceMap, type DatasetRow } from '../../../server/src/datasets/index.js';
import { data } from '../../fuzz/data.js';
import { edits } from '../../fuzz/edits.js';
import { caseSeed, Random } from '../../fuzz/random.js';
import { chunked, readAll, TextView, turnsOf } from './helpers.js';

/** Text with what makes places hard: escapes, astral characters, line ends, quotes, delimiters. */
const unit = fc.constantFrom(
  'a',
  'Z',
  ' ',
  '\n',
  '\r\n',
  '"',
  '\\',
  ',',
  '\t',
  'é',
  '漢',
  '😀',
  '\u2028',
  '/',
  '{',
  ']',
  '\u0001',
);
const text = fc.array(unit, { maxLength: 24 }).map((a) => `x${a.join('')}y`);
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
const eol = fc.constantFrom('\n', '\r\n', '\r');
/** Old line ends are kept in the text of a transcript, so it is compared with the others only. */
const eolOfText = fc.constantFrom('\n', '\r\n');

/** JSON with every non-ASCII character escaped, as Python's json.dumps writes it. */
const asciiJson = (v: unknown): string =>
  JSON.stringify(v).replace(
    /[^\x00-\x7f]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

function checkPlaces(
  bytes: Buffer,
  rows: readonly DatasetRow[],
  encoding: 'json' | 'csv' | 'lines',
): void {
  const view = new TextView(bytes);
  for (const turn of turnsOf(rows)) {
    const p = turn.place!;
    const written = view.slice(p);
    expect(view.sliceByColumns(p)).toBe(written);
    const decoded =
      encoding === 'json'
        ? (JSON.parse(`"${written}"`) as string)
        : encoding === 'csv'
          ? written.replaceAll('""', '"')
          : written.replaceAll('\r\n', '\n');
    expect(decoded).toBe(turn.content);
    // The map from inside the text agrees with decoding what lies before each character.
    const map = createPlaceMap(bytes.subarray(p.start, p.end), p, encoding);
    expect(map.text).toBe(turn.content);
    let at = 0;
    for (const char of turn.content) {
      const part = map.place(at, at + char.length);
      const slice = view.slice(part);
      expect(view.sliceByColumns(part)).toBe(slice);
      expect(
        encoding === 'json'
          ? JSON.parse(`"${slice}"`)
          : encoding === 'csv'
            ? slice.replaceAll('""', '"')
            : slice.replaceAll('\r\n', '\n'),
      ).toBe(char);
      at += char.length;
    }
  }
}

describe('places of mutated files', () => {
  // `npm run fuzz -- N` runs more of the same.
  it.each([data, edits])('$name', async (kind) => {
    for (let n = 0; n < 300; n++) {
      const random = new Random(caseSeed(20_261_127, n));
      const inputs = await kind.inputs(random);
      // Damaged Parquet is read by a library, in a thread of its own.
      if ([...inputs.keys()].some((name) => name.endsWith('.parquet'))) continue;
      if ([...inputs.values()].some((bytes) => bytes.toString('latin1', 0, 4) === 'PAR1')) continue;
      const { failure } = await kind.run(inputs, random);
      expect(failure, `case ${n} of ${kind.name}`).toBeUndefined();
    }
  });
});

describe('places of generated content, over any chunk boundaries', () => {
  const pairs = fc.array(fc.record({ prompt: text, chosen: text, rejected: text }), {
    minLength: 1,
    maxLength: 5,
  });
  const contents = (rows: readonly DatasetRow[]): string[][] =>
    rows.map((r) => [
      r.conversations[0]!.turns[0]!.content,
      ...r.conversations.map((c) => c.turns[1]!.content),
    ]);

  it('JSON Lines, escaped or not, with BOM, CRLF and blank lines', async () => {
    await fc.assert(
      fc.asyncProperty(
        pairs,
        sizes,
        eol,
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        async (data, cut, nl, bom, escape, zip) => {
          const body = data.map((d) => (escape ? asciiJson(d) : JSON.stringify(d))).join(nl + nl);
          const bytes = Buffer.from((bom ? '\uFEFF' : '') + body);
          const stream = chunked(zip ? gzipSync(bytes) : bytes, cut);
          const { rows, problems } = await readAll({ stream, name: 'x.jsonl' });
          expect(problems).toEqual([]);
          expect(contents(rows)).toEqual(data.map((d) => [d.prompt, d.chosen, d.rejected]));
          expect(rows.map((r) => r.place.line)).toEqual(data.map((_, i) => i * 2));
          checkPlaces(bytes, rows, 'json');
        },
      ),
    );
  });

  it('JSON arrays, compact or printed over lines', async () => {
    await fc.assert(
      fc.asyncProperty(
        pairs,
        sizes,
        eol,
        fc.constantFrom(0, 2),
        fc.boolean(),
        async (data, cut, nl, indent, bom) => {
          const body = JSON.stringify(data, null, indent).replaceAll('\n', nl);
          const bytes = Buffer.from((bom ? '\uFEFF' : '') + body + nl);
          const { rows, problems } = await readAll({ stream: chunked(bytes, cut), name: 'x.json' });
          expect(problems).toEqual([]);
          expect(contents(rows)).toEqual(data.map((d) => [d.prompt, d.chosen, d.rejected]));
          checkPlaces(bytes, rows, 'json');
          for (const row of rows) {
            const view = new TextView(bytes);
            expect(JSON.parse(view.slice(row.place))).toEqual(data[row.index]);
            expect(view.sliceByColumns(row.place)).toBe(view.slice(row.place));
          }
        },
      ),
    );
  });

  it('CSV and TSV with quoted, multi-line cells', async () => {
    await fc.assert(
      fc.asyncProperty(
        pairs,
        sizes,
        eol,
        fc.constantFrom(',', '\t'),
        fc.boolean(),
        async (data, cut, nl, comma, bom) => {
          const cell = (s: string): string =>
            /["\r\n,\t]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s;
          // Tabs inside quotes and no quotes at all can both give rows of three cells: no reader can know.
          const plain = (s: string) => (comma === '\t' ? s.replaceAll('\t', ' ') : s);
          const texts = data.map((d) => [d.prompt, d.chosen, d.rejected].map(plain));
          const lines = [
            'prompt,chosen,rejected'.replaceAll(',', comma),
            ...texts.map((row) => row.map(cell).join(comma)),
          ];
          const bytes = Buffer.from((bom ? '\uFEFF' : '') + lines.join(nl));
          const { rows, problems } = await readAll({
            stream: chunked(bytes, cut),
            name: comma === ',' ? 'x.csv' : 'x.tsv',
          });
          expect(problems).toEqual([]);
          expect(contents(rows)).toEqual(texts);
          checkPlaces(bytes, rows, 'csv');
        },
      ),
    );
  });

  it('HH transcripts inside a JSON string', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 4 }),
        text,
        sizes,
        fc.boolean(),
        async (turns, other, cut, escape) => {
          const head = turns.map(([q, a]) => `\n\nHuman: ${q}\n\nAssistant: ${a}`).join('');
          const data = {
            chosen: head,
            rejected: `${head}\n\nHuman: ${other}\n\nAssistant: ${other}`,
          };
          const bytes = Buffer.from(escape ? asciiJson(data) : JSON.stringify(data));
          const { rows, problems } = await readAll({ stream: chunked(bytes, cut), name: 'x' });
          expect(problems).toEqual([]);
          expect(rows[0]!.conversations[0]!.turns.map((t) => t.content)).toEqual(turns.flat());
          checkPlaces(bytes, rows, 'json');
        },
      ),
    );
  });

  it('Markdown transcripts in three styles', async () => {
    const styles = [
      (r: string) => `## ${r}\n\n`,
      (r: string) => `**${r}:** `,
      (r: string) => `${r}: `,
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 4 }),
        sizes,
        eolOfText,
        fc.constantFrom(...styles),
        async (turns, cut, nl, style) => {
          const lf = turns.map((pair) => pair.map((s) => s.replaceAll('\r\n', '\n')));
          const body = `# A chat\n\n${lf.map(([q, a]) => `${style('User')}${q}\n\n${style('Assistant')}${a}\n\n`).join('')}`;
          const bytes = Buffer.from(body.replaceAll('\n', nl));
          const { rows, problems } = await readAll({
            stream: chunked(bytes, cut),
            name: 'chat.md',
          });
          expect(problems).toEqual([]);
          expect(rows[0]!.conversations[0]!.turns.map((t) => t.content)).toEqual(lf.flat());
          checkPlaces(bytes, rows, 'lines');
        },
      ),
    );
  });
});
