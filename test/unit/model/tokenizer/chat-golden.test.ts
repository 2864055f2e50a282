import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ChatTokenizer } from '../../../../server/src/model/tokenizer/chat-tokenizer.js';
import { goldenFolder, goldenNames, readGolden } from '../golden.js';

describe.each(goldenNames)('golden %s', (name) => {
  const expected = readGolden(name);

  const gated = expected.gating_token_pattern.length > 0;
  // In transformers the pad token is never the one that is read.
  const { pad_token_id: skipped } = JSON.parse(
    readFileSync(`${goldenFolder(name)}/config.json`, 'utf8'),
  ) as { pad_token_id?: number };

  if (gated)
    it('finds the pattern that the published code searches for', async () => {
      const tokenizer = await ChatTokenizer.fromFolder(goldenFolder(name));
      expect(tokenizer.gatingPattern).toEqual(expected.gating_token_pattern);
    });

  it.each(expected.cases.map((c, i) => [i, c] as const))('case %i: ids and gate', async (_, c) => {
    const tokenizer = await ChatTokenizer.fromFolder(goldenFolder(name));
    const paths = tokenizer.paths(
      c.messages,
      [c.messages.length - 1],
      4096,
      gated ? {} : { gated, skipped },
    );
    expect(paths).toEqual([
      {
        ids: c.input_ids,
        reward: c.reward_position,
        gate: c.gating_position,
        truncatedTokens: 0,
      },
    ]);
  });
});
