import { parquetWriteBuffer } from 'hyparquet-writer';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanFile } from '../../../server/src/cleaning/index.js';
import { detectFormat, readDataset } from '../../../server/src/datasets/index.js';

let root: string;
beforeAll(() => void (root = mkdtempSync(join(tmpdir(), 'qrm-swap-'))));
afterAll(() => rmSync(root, { recursive: true, force: true }));

type Cell = string | number | bigint | boolean;
type Row = Readonly<Record<string, Cell | object>>;

const cell = (value: Cell | object) =>
  `"${(typeof value === 'object' ? JSON.stringify(value) : String(value)).replaceAll('"', '""')}"`;
const WRITERS: Readonly<Record<string, (row: Row) => string | Uint8Array>> = {
  'd.jsonl': (row) => `${JSON.stringify(row)}\n`,
  'd.csv': (row) => `${Object.keys(row).join(',')}\n${Object.values(row).map(cell).join(',')}\n`,
  'd.parquet': (row) =>
    new Uint8Array(
      parquetWriteBuffer({
        columnData: Object.entries(row).map(([name, value]) => ({
          name,
          data: [typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : typeof value === 'object' ? JSON.stringify(value) : value], // prettier-ignore
          type: typeof value === 'number' ? (Number.isInteger(value) ? 'INT64' : 'DOUBLE') : typeof value === 'boolean' ? 'BOOLEAN' : 'STRING', // prettier-ignore
        })),
      }),
    ),
};

async function read(path: string) {
  const rows = [];
  for await (const event of readDataset({ path }, { aside: true })) {
    expect(event.type, JSON.stringify(event)).toBe('row');
    if (event.type === 'row') rows.push(event.row);
  }
  expect(rows).toHaveLength(1);
  const { conversations, aside } = rows[0]!;
  const of = (kind: string) =>
    conversations.find((c) => c.kind === kind)?.turns.map((t) => `${t.role} ${t.content}`);
  return { chosen: of('chosen'), rejected: of('rejected'), aside };
}

async function swapped(name: string, row: Row) {
  const folder = mkdtempSync(join(root, 'x-'));
  const path = join(folder, name);
  writeFileSync(path, WRITERS[name]!(row));
  const before = await read(path);
  const out = join(folder, 'out');
  mkdirSync(out);
  const format = (await detectFormat({ path }))!;
  const changes = new Map([[0, { action: 'swap' as const, reasons: ['x'] }]]);
  const file = { path, format, plan: { changes }, events: () => readDataset({ path }) };
  const made = await cleanFile(file, out, () => name, undefined);
  expect(before.chosen).toBeDefined();
  expect(before.rejected).toBeDefined();
  return { before, after: await read(join(out, name)), unchanged: made.unchanged };
}

const [q, user] = ['Q', { role: 'user', content: 'Q' }];
const bot = (content: string) => ({ role: 'assistant', content });
const VOTES: readonly [string, Row, readonly string[]][] = [
  ['PKU', { prompt: q, response_0: 'x', response_1: 'y', is_response_0_safe: true, is_response_1_safe: false, better_response_id: 1, safer_response_id: 0 }, ['better_response_id']],
  ['HelpSteer2', { prompt: q, response_1: 'x', response_2: 'y', preference_strength: -2, helpfulness_1: 4 }, ['preference_strength']],
  ['SHP', { history: q, human_ref_A: 'x', human_ref_B: 'y', labels: 1, score_A: 9 }, ['labels']],
  ['JudgeBench', { question: q, response_A: 'x', response_B: 'y', label: 'A>B', model_A: 'm' }, ['label']],
  ['arena', { winner: 'model_b', model_a: 'm', conversation_a: [user, bot('x')], conversation_b: [user, bot('y')] }, ['winner']],
  ['arena by flags', { prompt: q, model_a: 'm', response_a: 'x', response_b: 'y', winner_model_a: 1, winner_model_b: 0 }, ['winner_model_a', 'winner_model_b']],
  ['flags that are booleans', { prompt: q, response_a: 'x', response_b: 'y', winner_model_a: false, winner_model_b: true }, ['winner_model_a', 'winner_model_b']],
]; // prettier-ignore

describe.each(Object.keys(WRITERS))('%s: a pair that is turned', (name) => {
  it.each(VOTES)('%s: by its vote alone, what belongs to a response stays with it', async (_, row, fields) => {
    const { before, after, unchanged } = await swapped(name, row);
    expect(unchanged).toEqual([]);
    expect([after.chosen, after.rejected]).toEqual([before.rejected, before.chosen]);
    const others = (aside: object | undefined) =>
      Object.entries(aside ?? {}).filter(([field]) => !fields.includes(field));
    expect(others(after.aside)).toEqual(others(before.aside));
    expect(after.aside).not.toEqual(before.aside);
  }); // prettier-ignore

  it.each<[string, Row]>([
    ['chosen and rejected', { prompt: q, chosen: 'x', rejected: 'y' }],
    ['text_chosen and text_rejected', { text_prompt: q, text_chosen: 'x', text_rejected: 'y' }],
  ])('%s change places', async (_, row) => {
    const { before, after, unchanged } = await swapped(name, row);
    expect(unchanged).toEqual([]);
    expect([after.chosen, after.rejected]).toEqual([before.rejected, before.chosen]);
  });

  it('ms-swift: a list of messages and a text do not change places; their answers do, or nothing', async () => {
    const row = { messages: [user, bot('x "1"')], rejected_response: 'y' };
    const { before, after, unchanged } = await swapped(name, row);
    const turned = name === 'd.jsonl';
    expect(unchanged).toHaveLength(turned ? 0 : 1);
    expect([after.chosen, after.rejected]).toEqual(
      turned ? [before.rejected, before.chosen] : [before.chosen, before.rejected],
    );
  });
});
