import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HeadsModel } from '../../model/bundle/heads-model.js';
import type { ChatMessage } from '../types.js';
import type { RemoteEngine } from './engine.js';

/** How far a score may be from the reference, as a share of the reward's middle 90 %; at least 1e-4. */
const TOLERANCE: Readonly<Record<string, number>> = {
  float32: 0.005,
  float16: 0.05,
  bfloat16: 0.15,
};
/** Of weights in blocks of few bits. */
const LOOSEST = 0.15;

interface Example {
  readonly messages: readonly ChatMessage[];
  readonly score: number;
  readonly reward_quantiles?: readonly number[];
}

/**
 * Scores the first example that the model's folder holds the answer to (`expected.json`): the served backbone
 * may be another one of the same size. Nothing is checked where there is none.
 * @throws Error naming both numbers
 */
export async function checkGolden(
  engine: RemoteEngine,
  model: HeadsModel,
  signal: AbortSignal | undefined,
): Promise<void> {
  const example = await exampleOf(model.path);
  if (example === undefined) return;
  const { messages, score: expected, reward_quantiles: quantiles = [] } = example;
  const conversations = [{ messages, targets: [messages.length - 1] }];
  const { results } = await engine.score({ conversations }, signal, 0);
  const [result] = results[0] ?? [];
  if (!result?.ok) throw new Error(`${engine.url}: ${result?.error ?? 'no result'}`);
  const found = result.score.expectation;
  const spread = Math.max(...quantiles, expected) - Math.min(...quantiles, expected);
  const share = TOLERANCE[engine.info.precision] ?? LOOSEST;
  const limit = share * (spread > 0 ? spread : Math.max(1, Math.abs(expected)));
  if (Math.abs(found - expected) <= Math.max(1e-4, limit)) return;
  throw new Error(
    `${engine.url}: scores ${found.toPrecision(4)} where ${model.name} gives ${expected.toPrecision(4)}: ` +
      `another backbone, or hidden states that are normalised or not of the last layer`,
  );
}

async function exampleOf(folder: string): Promise<Example | undefined> {
  try {
    const json = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8')) as {
      cases?: Example[];
    };
    return json.cases?.find((c) => typeof c.score === 'number' && Array.isArray(c.messages));
  } catch {
    return undefined;
  }
}
