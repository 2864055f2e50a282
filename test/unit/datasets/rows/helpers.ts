import { expect } from 'vitest';
import type { ReadOptions } from '../../../../server/src/datasets/index.js';
import type { DatasetRow, Turn } from '../../../../server/src/datasets/types.js';
import { ofText, TextView } from '../helpers.js';

export const user = (content: unknown) => ({ role: 'user', content });
export const bot = (content: unknown) => ({ role: 'assistant', content });
export const system = (content: unknown) => ({ role: 'system', content });

/** `label: role text | role text …`, with `*` before each target. */
export const told = (row: DatasetRow | undefined): string[] =>
  (row?.conversations ?? []).map(({ label, turns, targets }) => {
    const said = turns.map((t, i) => `${targets.includes(i) ? '*' : ''}${t.role} ${t.content}`);
    return `${label}: ${said.join(' | ')}`;
  });

export interface Said {
  readonly read: string[];
  /** `code: message` of each problem. */
  readonly problems: string[];
  readonly turns: readonly Turn[];
  readonly row: DatasetRow | undefined;
}

/** What one JSON line is read as. Every text must stand at the place that its turn names. */
export async function said(record: unknown, options?: ReadOptions): Promise<Said> {
  const line = typeof record === 'string' ? record : JSON.stringify(record);
  const { rows, problems } = await ofText(line, 'x.jsonl', options);
  const view = new TextView(Buffer.from(line));
  const turns = rows.flatMap((r) => r.conversations.flatMap((c) => c.turns));
  for (const { place, content } of turns) {
    if (place !== undefined) expect(JSON.parse(`"${view.slice(place)}"`)).toBe(content);
  }
  return {
    read: told(rows[0]),
    problems: problems.map((p) => `${p.code}: ${p.message}`),
    turns,
    row: rows[0],
  };
}

/** Is the record a single problem whose message has all of the words? */
export async function refused(record: unknown, ...words: string[]): Promise<void> {
  const { read, problems } = await said(record);
  expect(read).toEqual([]);
  expect(problems).toHaveLength(1);
  for (const word of words) expect(problems[0]).toContain(word);
}
