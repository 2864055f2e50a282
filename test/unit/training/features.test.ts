import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { ChatMessage } from '../../../server/src/engine/types.js';
import { openCheckpoint } from '../../../server/src/model/bundle/checkpoint.js';
import { extractFeatures } from '../../../server/src/training/features.js';

interface Case {
  messages: ChatMessage[];
  last_hidden: number[];
  gating_hidden: number[];
}

const folder = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/golden/${name}`, import.meta.url));

function cosine(a: ArrayLike<number>, b: readonly number[]): number {
  let ab = 0;
  let aa = 0;
  let bb = 0;
  b.forEach((y, i) => {
    ab += a[i]! * y;
    aa += a[i]! ** 2;
    bb += y ** 2;
  });
  return ab / Math.sqrt(aa * bb);
}

describe('features', () => {
  for (const name of ['llama3-qrm-k5-m3', 'gemma2-qrm']) {
    it(`are the reference's hidden states at both positions, in order: ${name}`, async () => {
      const { cases } = JSON.parse(readFileSync(`${folder(name)}/expected.json`, 'utf8')) as {
        cases: Case[];
      };
      const checkpoint = await openCheckpoint(folder(name));
      const progress: number[] = [];
      try {
        // Cases as groups of one, two and the rest: some share their beginning, others do not.
        const groups = [cases.slice(0, 1), cases.slice(1, 3), cases.slice(3)].map((g) =>
          g.map((c) => c.messages),
        );
        const features = await extractFeatures(checkpoint, checkpoint.config.layers, groups, {
          budget: 64,
          threads: 1,
          onProgress: (fraction) => progress.push(fraction),
        });
        const H = checkpoint.config.hiddenSize;
        cases.forEach((c, i) => {
          const row = (m: { data: Float64Array }): Float64Array =>
            m.data.subarray(i * H, (i + 1) * H);
          expect(cosine(row(features.reward), c.last_hidden)).toBeGreaterThan(0.99999);
          expect(cosine(row(features.gating), c.gating_hidden)).toBeGreaterThan(0.99999);
        });
        expect(progress.at(-1)).toBe(1);
      } finally {
        await checkpoint.source.close();
      }
    });
  }

  it('change with the number of layers', async () => {
    const checkpoint = await openCheckpoint(folder('llama3-qrm-k5-m3'));
    try {
      const groups: ChatMessage[][][] = [
        [
          [
            { role: 'user', content: 'Hi' },
            { role: 'assistant', content: 'Hello' },
          ],
        ],
      ];
      const run = async (layers: number): Promise<Float64Array> =>
        (await extractFeatures(checkpoint, layers, groups, { threads: 1 })).reward.data;
      const { layers } = checkpoint.config;
      expect([...(await run(layers - 1))]).not.toEqual([...(await run(layers))]);
    } finally {
      await checkpoint.source.close();
    }
  });

  it('name the conversation that cannot be scored', async () => {
    const checkpoint = await openCheckpoint(folder('llama3-qrm-k5-m3'));
    try {
      const bad: ChatMessage[][][] = [[[{ role: 'user', content: 'Hi' }]]];
      await expect(extractFeatures(checkpoint, 1, bad, { threads: 1 })).rejects.toThrow(
        /conversation 1: .*assistant/,
      );
    } finally {
      await checkpoint.source.close();
    }
  });
});
