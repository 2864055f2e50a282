import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seeded } from '../../../server/src/evaluation/statistics/index.js';

export const BACKBONE = fileURLToPath(
  new URL('../../fixtures/golden/llama3-qrm-k5-m3', import.meta.url),
);

const WORDS = 'the cat sat on a mat and ran far away with me'.split(' ');
const text = (random: () => number, n: number): string =>
  Array.from({ length: n }, () => WORDS[Math.floor(random() * WORDS.length)]).join(' ');

/** Into a folder: rated.jsonl, pairs.jsonl, train.json. Responses that say yes or no; raters like yes, and disagree. Pairs prefer it. */
export function writeData(folder: string): void {
  const path = (name: string): string => join(folder, name);
  const random = seeded(6);
  const rated: string[] = [];
  const pairs: string[] = [];
  for (let i = 0; i < 60; i++) {
    const prompt = [{ role: 'user', content: `${text(random, 4)} ${i}?` }];
    const answer = (good: boolean): string => `${good ? 'yes' : 'no'} ${text(random, 2)}`;
    for (const good of [true, false]) {
      const label = (): number =>
        random() < (good ? 0.8 : 0.3) ? 5 : 1 + Math.floor(3 * random());
      const scores = { agree: [label(), label()], plain: [1 + Math.floor(5 * random())] };
      const scale = { agree: [1, 5], plain: [1, 5] };
      rated.push(JSON.stringify({ prompt, response: answer(good), scores, scale }));
    }
    const chosen = answer(true);
    pairs.push(
      JSON.stringify({ prompt: `${text(random, 3)} ${i}`, chosen, rejected: answer(false) }),
    );
  }
  // What cannot be used: a label off its scale, no raters, a pair without difference.
  const odd = { prompt: 'Q', response: 'A', scale: { agree: [1, 5] } };
  rated.push(JSON.stringify({ ...odd, scores: { agree: [9] } }));
  rated.push(JSON.stringify({ ...odd, scores: { agree: [] } }));
  pairs.push(JSON.stringify({ prompt: 'Q', chosen: 'same', rejected: 'same' }));
  writeFileSync(path('rated.jsonl'), rated.join('\n'));
  writeFileSync(path('pairs.jsonl'), pairs.join('\n'));
  writeFileSync(
    path('train.json'),
    JSON.stringify({
      backbone: BACKBONE,
      precision: 'float32',
      attributes: [{ file: 'rated.jsonl', pairs: true }],
      pairs: [{ file: 'pairs.jsonl', attribute: 'preferred' }],
      quantiles: 5,
      folds: 2,
      components: 8,
      verbosity: 'length',
      keepBelow: 2,
      gate: { hidden: [6, 6, 6], epochs: 12, batch: 32, patience: 4 },
      threads: 1,
    }),
  );
}

/** Names and contents of a folder. */
export function contents(at: string): Record<string, string> {
  const files = readdirSync(at).sort();
  const hash = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(join(at, name)))
      .digest('hex');
  return Object.fromEntries(files.map((name) => [name, hash(name)]));
}
