import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  cleanFile,
  MANIFEST,
  type FilePlan,
  type RowChange,
} from '../../../server/src/cleaning/index.js';
import {
  detectFormat,
  plainBytes,
  readDataset,
  type DatasetRow,
} from '../../../server/src/datasets/index.js';
import type { Random } from '../../fuzz/random.js';

export function ownFolder(): string {
  const made = mkdtempSync(join(tmpdir(), 'qrm-clean-'));
  folders.push(made);
  return made;
}
/** An integer of [0, n). */
export const below = (random: Random, n: number): number => random.int(0, n - 1);
export const text = (random: Random): string =>
  `x${Array.from({ length: below(random, 8) }, () => pick(random, PIECES)).join('')}y${below(random, 1e6)}`;

/** A file of pairs, and what it is called. */
export function fileOf(random: Random): Case {
  const count = below(random, 9);
  const rows = Array.from({ length: count }, () => ({
    id: below(random, 99),
    prompt: text(random),
    chosen: text(random),
    rejected: text(random),
  }));
  const nl = pick(random, ['\n', '\r\n']);
  const bom = below(random, 5) === 0 ? '\uFEFF' : '';
  const end = below(random, 2) === 0 ? nl : '';
  const kind = below(random, 5);
  if (kind === 0)
    return {
      name: 'd.jsonl',
      bytes: Buffer.from(
        bom + rows.map((r) => JSON.stringify(r)).join(pick(random, [nl, nl + nl])) + end,
      ),
    };
  if (kind === 1)
    return {
      name: 'd.json',
      bytes: Buffer.from(bom + JSON.stringify(rows, null, below(random, 3)) + end),
    };
  // Of an empty list in an object nothing tells that it held rows.
  if (kind === 2 && count > 0) {
    const wrapped = { version: 1, data: rows, more: [1, 2] };
    return {
      name: 'd.json',
      bytes: Buffer.from(JSON.stringify(wrapped, null, below(random, 3)) + end),
    };
  }
  const by = kind === 3 ? ',' : '\t';
  const cell = (value: string | number) => `"${String(value).replaceAll('"', '""')}"`;
  const lines = [
    ['id', 'prompt', 'chosen', 'rejected'].join(by),
    ...rows.map((r) => Object.values(r).map(cell).join(by)),
  ];
  return { name: kind === 3 ? 'd.csv' : 'd.tsv', bytes: Buffer.from(bom + lines.join(nl) + end) };
}

export async function rowsOf(path: string): Promise<{ rows: DatasetRow[]; problems: string[] }> {
  const rows: DatasetRow[] = [];
  const problems: string[] = [];
  for await (const event of readDataset({ path }))
    if (event.type === 'row') rows.push(event.row);
    else if (event.problem.code !== 'empty-file') problems.push(event.problem.message);
  return { rows, problems };
}
export async function plain(path: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const piece of plainBytes(path)) parts.push(piece);
  return Buffer.concat(parts);
}
export const answers = (row: DatasetRow) => row.conversations.map((c) => c.turns.at(-1)!.content);

export function planOf(random: Random, count: number): Map<number, RowChange> {
  const changes = new Map<number, RowChange>();
  for (let n = 0; n < count; n++) {
    const what = below(random, 4);
    if (what < 2) changes.set(n, { action: what === 0 ? 'remove' : 'swap', reasons: ['x'] });
  }
  return changes;
}

export async function clean(path: string, out: string, plan: FilePlan) {
  mkdirSync(out, { recursive: true });
  const format = (await detectFormat({ path }))!;
  const made = await cleanFile(
    { path, format, plan, events: () => readDataset({ path }) },
    out,
    () => path.slice(path.lastIndexOf('/') + 1),
    undefined,
  );
  writeFileSync(
    join(out, MANIFEST),
    JSON.stringify({ program: 'qrm clean', version: 1, files: [made] }),
  );
  return made;
}

// A folder for each test: one that ran out of time goes on, and must not take another's files away.
export const folders: string[] = [];

export const PIECES = [
  'a',
  'Zoë',
  ' ',
  '\n',
  '"',
  '\\',
  ',',
  '\t',
  '漢',
  '😀',
  '}',
  ']',
  '\u2028',
  ';',
  "'",
];
export const pick = <T>(random: Random, items: readonly T[]): T =>
  items[below(random, items.length)]!;

export interface Case {
  readonly name: string;
  readonly bytes: Buffer;
}
