import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ChatTokenizer } from '../../../server/src/model/chat-tokenizer.js';

const GOLDEN = resolve(dirname(fileURLToPath(import.meta.url)), '../../../../shared/golden');

interface Expected {
  gating_token_pattern: number[];
  cases: {
    messages: { role: string; content: string }[];
    input_ids: number[];
    gating_position: number;
  }[];
}

describe.each(readdirSync(GOLDEN))('golden %s', (name) => {
  const folder = join(GOLDEN, name);
  const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Expected;

  it('finds the pattern that the published code searches for', async () => {
    const tokenizer = await ChatTokenizer.fromFolder(folder);
    expect(tokenizer.gatingPattern).toEqual(expected.gating_token_pattern);
  });

  it.each(expected.cases.map((c, i) => [i, c] as const))('case %i: ids and gate', async (_, c) => {
    const tokenizer = await ChatTokenizer.fromFolder(folder);
    const paths = tokenizer.paths(c.messages, [c.messages.length - 1], 4096);
    expect(paths).toEqual([
      {
        ids: c.input_ids,
        reward: c.input_ids.length - 1,
        gate: c.gating_position,
        truncatedTokens: 0,
      },
    ]);
  });
});
