import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openModel } from '../../../../../server/src/model/bundle/bundle.js';
import { applyHeads } from '../../../../../server/src/model/heads/heads-math.js';
import { positionsOf } from '../../../../../server/src/model/heads/heads.js';
import { readGolden } from '../../golden.js';
import { runBackbone } from '../../run-backbone.js';
import { Workspace } from '../../workspace.js';

const root = fileURLToPath(new URL('../../../../fixtures/gguf/golden', import.meta.url));
const work = new Workspace();
const cacheFolder = work.fresh('cache');

const near = (found: ArrayLike<number>, expected: readonly number[]): void => {
  for (const [i, e] of expected.entries())
    expect(Math.abs(found[i]! - e)).toBeLessThan(Math.max(1e-5, 1e-4 * Math.abs(e)));
};

/** Written by llama.cpp's package `gguf` from the golden folders: make_gguf.py beside them. */
describe.each(readdirSync(root))('%s', (file) => {
  const { cases, num_objectives: labels } = readGolden(file.replace('.gguf', ''));

  it('gives the ids, hidden states and scores of the checkpoint that it was made of', async () => {
    const model = await openModel(join(root, file), { precision: 'float32', cacheFolder });
    expect(model.spec.attributes).toHaveLength(labels);
    for (const c of cases) {
      const [path] = model.tokenizer.paths(
        c.messages,
        [c.messages.length - 1],
        model.maxTokens,
        positionsOf(model.heads),
      );
      expect(path).toMatchObject({ ids: c.input_ids, reward: c.reward_position });
      const hidden = await runBackbone(model.backbonePath, model.config, c.input_ids, [
        c.reward_position,
      ]);
      near(hidden, c.last_hidden);
      near(applyHeads(model.heads, hidden, hidden).raw, c.attribute_quantiles.flat());
    }
  });
});
