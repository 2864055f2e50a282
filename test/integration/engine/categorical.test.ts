import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { EvaluatorClient } from '../../../server/src/engine/client.js';
import { measure, mixture } from '../../../server/src/qrm/index.js';

const root = fileURLToPath(new URL('../../fixtures/categorical/', import.meta.url));
const cacheFolder = mkdtempSync(join(tmpdir(), 'qrm-categorical-'));
afterAll(() => rmSync(cacheFolder, { recursive: true, force: true }));

interface Case {
  messages: { role: string; content: string }[];
  rewards: number[][];
  score: number;
}

const casesOf = (name: string): Case[] =>
  (JSON.parse(readFileSync(join(root, name, 'expected.json'), 'utf8')) as { cases: Case[] }).cases;
const meanOf = (bins: readonly number[]): number =>
  bins.reduce((sum, p, b) => sum + (p * b) / 9, 0);

describe.each(['ldl-softmax', 'ldl-raw'])('the evaluator with %s', (name) => {
  it('score every case as published, from text to number', async () => {
    const model = join(root, name);
    const evaluator = await EvaluatorClient.open({
      model,
      device: 'cpu',
      precision: 'float32',
      cacheFolder,
    });
    const { spec } = evaluator.info;
    for (const c of casesOf(name)) {
      const targets = [c.messages.length - 1];
      const { results } = await evaluator.score({
        conversations: [{ messages: c.messages, targets }],
      });
      const result = results[0]![0]!;
      if (!result.ok) throw new Error(result.error);
      const { score } = result;
      expect(Math.abs(score.expectation - c.score)).toBeLessThan(
        Math.max(1e-5, 1e-4 * Math.abs(c.score)),
      );
      const again = mixture(score, [...score.gate], spec.pooled);
      score.quantiles.forEach((q, k) => expect(Math.abs(again[k]! - q)).toBeLessThan(1e-6));
      const options = { tau: 0.05, lambda: 1, pooled: spec.pooled };
      const fixed = measure(score, spec.levels, { ...options, weights: [0.5, 0.5, 0, 0] });
      const expected = (meanOf(c.rewards[0]!) + meanOf(c.rewards[1]!)) / 2;
      expect(Math.abs(fixed.expectation - expected)).toBeLessThan(1e-5);
      expect(measure(score, spec.levels, options).modes).toBeLessThanOrEqual(3);
    }
    await evaluator.close();
  });
});
