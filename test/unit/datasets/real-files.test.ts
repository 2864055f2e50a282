import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { detectFormat, parseRow } from '../../../server/src/datasets/index.js';
import { readAll, repositoryPath, TextView } from './helpers.js';

describe('hh-harmless', () => {
  const path = repositoryPath('examples/hh-harmless.jsonl.gz');
  const bytes = gunzipSync(readFileSync(path));

  it('gives every turn of every pair with its exact place', async () => {
    expect(await detectFormat({ path })).toEqual({
      container: 'jsonl',
      compression: 'gzip',
      schema: 'hh',
    });
    const { rows, problems } = await readAll({ path });
    expect(problems).toEqual([]);
    expect(rows).toHaveLength(1156);
    const view = new TextView(bytes);
    const lines = view.text.split('\n');
    for (const row of rows) {
      expect(row.conversations.map((c) => c.kind)).toEqual(['chosen', 'rejected']);
      expect(row.place).toMatchObject({ line: row.index, column: 0 });
      const source = JSON.parse(lines[row.index]!) as Record<string, string>;
      for (const c of row.conversations) {
        expect(c.targets).toEqual([c.turns.length - 1]);
        // The transcript is the turns and nothing else.
        const names = { user: 'Human', assistant: 'Assistant' } as Record<string, string>;
        const again = c.turns.map((t) => `${names[t.role]}:${t.content}`).join('');
        expect(again.replace(/\s/g, '')).toBe(source[c.kind]!.replace(/\s/g, ''));
        for (const turn of c.turns) {
          expect(JSON.parse(`"${view.slice(turn.place!)}"`)).toBe(turn.content);
          expect(view.sliceByColumns(turn.place!)).toBe(view.slice(turn.place!));
        }
      }
    }
  });

  it('re-reads a single line to the same events', async () => {
    const { rows } = await readAll({ path });
    const text = bytes.toString('utf8').split('\n');
    for (const row of rows.slice(0, 50)) {
      expect(parseRow(text[row.index]!, row.index, row.place.start)).toEqual([
        { type: 'row', row },
      ]);
    }
  });

  it('begins again at a row', async () => {
    const { rows } = await readAll({ path });
    const row = rows[700]!;
    const start = { row: 700, byte: row.place.start, line: row.place.line };
    expect((await readAll({ path }, { start })).rows).toEqual(rows.slice(700));
    expect((await readAll({ path }, { start: { row: 1150 } })).rows).toEqual(rows.slice(1150));
    const plain = { bytes, name: 'hh.jsonl' };
    expect((await readAll(plain, { start })).rows).toEqual(rows.slice(700));
  });
});

describe('rated responses (message-list prompt, response string)', () => {
  it.each([
    ['prometheus-score', 640],
    ['xstest-appropriate', 1125],
  ])('%s', async (name, count) => {
    const path = repositoryPath(`models/data/${name}.jsonl.gz`);
    const view = new TextView(gunzipSync(readFileSync(path)));
    const lines = view.text.split('\n');
    const { rows, problems } = await readAll({ path });
    expect(problems).toEqual([]);
    expect(rows).toHaveLength(count);
    for (const row of rows) {
      const source = JSON.parse(lines[row.index]!) as {
        prompt: { role: string; content: string }[];
        response: string;
      };
      const turns = row.conversations[0]!.turns;
      expect(turns.map(({ role, content }) => ({ role, content }))).toEqual([
        ...source.prompt,
        { role: 'assistant', content: source.response },
      ]);
      for (const t of turns) {
        expect(JSON.parse(`"${view.slice(t.place!)}"`)).toBe(t.content);
        expect(view.sliceByColumns(t.place!)).toBe(view.slice(t.place!));
      }
    }
  });
});
