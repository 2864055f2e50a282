import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { openEvaluator } from '../../../server/src/engine/index.js';
import { Workspace } from '../cli/helpers.js';

const DEFAULT = fileURLToPath(new URL('../../../models/default/', import.meta.url));
const workspace = new Workspace();
afterAll(() => workspace.end());

/** By it an engine that serves another backbone than the embedded model's is told: models/reference.mjs writes it. */
it('expected.json of the embedded model is what it gives', async () => {
  const { cases } = JSON.parse(readFileSync(join(DEFAULT, 'expected.json'), 'utf8')) as {
    cases: { messages: never[]; score: number; reward_quantiles: number[] }[];
  };
  expect(cases).toHaveLength(1);
  const [{ messages, score, reward_quantiles: quantiles }] = cases as [(typeof cases)[0]];
  const evaluator = await openEvaluator({
    model: DEFAULT,
    device: 'cpu',
    precision: 'float32',
    cacheFolder: workspace.folder,
  });
  const conversations = [{ messages, targets: [1] }];
  const { results } = await evaluator.score({ conversations });
  await evaluator.close();
  const result = results[0]![0]!;
  if (!result.ok) throw new Error(result.error);
  const { score: found } = result;
  expect(found.expectation).toBeCloseTo(score, 4);
  // As `qrm score` gives them: where levels cross, in order.
  const ordered = [...found.quantiles].sort((a, b) => a - b);
  quantiles.forEach((q, k) => expect(ordered[k]).toBeCloseTo(q, 4));
});
