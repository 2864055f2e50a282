import { describe, expect, it } from 'vitest';
import { openModel } from '../../../../../server/src/model/bundle/bundle.js';
import { nativeUnfit } from '../../../../../server/src/engine/backbone/native.js';
import { cosine } from '../../../engine/cosine.js';
import { goldenFolder, goldenNames, readGolden } from '../../golden.js';
import { runBackbone } from '../../run-backbone.js';
import { Workspace } from '../../workspace.js';

const work = new Workspace();
const cacheFolder = work.fresh('cache');

describe.each(goldenNames)('%s in int8', (name) => {
  it('keeps the direction of the hidden states', async () => {
    const { backbonePath, config } = await openModel(goldenFolder(name), {
      precision: 'int8',
      cacheFolder,
    });
    const { cases } = readGolden(name);
    for (const { input_ids: ids, reward_position: at, last_hidden: expected } of cases) {
      const hidden = await runBackbone(backbonePath, config, ids, [at]);
      expect(cosine(hidden, expected)).toBeGreaterThan(0.99);
    }
  });
});

describe('our own kernels', () => {
  it.each(goldenNames)('leave %s to ONNX Runtime for its sizes alone', async (name) => {
    const { config } = await openModel(goldenFolder(name), { precision: 'float32', cacheFolder });
    expect(nativeUnfit(config)).toMatch(/is no multiple of 64/);
    // Of sizes that they take.
    const large = { ...config, hiddenSize: 1024, intermediateSize: 4096, headDim: 128 };
    expect(nativeUnfit(large)).toBeUndefined();
  });
});
