import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonLines, Workspace } from './helpers.js';

let w: Workspace;
const WORDS = ['yes', 'no', 'perhaps', 'ask me later', 'of course', 'never', 'why not', 'so be it'];
const prompts = Array.from({ length: 12 }, (_, p) => `Question ${p}: is it so?`);
const answers = (p: number, n = 6): string[] =>
  Array.from(
    { length: n },
    (_, i) => `${WORDS[(p + i) % 8]!}, ${WORDS[(3 * p + 5 * i) % 8]!} ${i}.`,
  );

interface Estimates {
  readonly figures: Record<string, [number, number, number]>;
  readonly differences?: Record<string, [number, number, number]>;
  readonly kl: [number, number, number];
  readonly k?: number;
}

beforeAll(() => {
  w = new Workspace();
  const sets = prompts.map((prompt, p) => ({ prompt, completions: answers(p) }));
  writeFileSync(w.path('sets.jsonl'), sets.map((s) => JSON.stringify(s)).join('\n'));
  // The same responses, each a row of its own, in another order.
  const rows = Array.from({ length: 6 }, (_, i) =>
    prompts.map((prompt, p) => ({ prompt, completion: answers(p)[i] })),
  ).flat();
  writeFileSync(w.path('rows.jsonl'), rows.map((r) => JSON.stringify(r)).join('\n'));
});
afterAll(() => w.end());

const json = async (...args: string[]) => {
  const { stdout, stderr, code } = await w.score('policy', ...args, '--format', 'json', '--quiet');
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout) as {
    prompts: number;
    responses: number;
    weighted: boolean;
    budget: number;
    leftOut: Record<string, number>;
    reference: Estimates;
    objectives: {
      name: string;
      atBudget: Estimates | null;
      path: Estimates[];
      bestOf: Estimates[];
    }[];
    conclusions: string[];
  };
};

describe('qrm policy', () => {
  it('has the figures of the scores: the reference, and best-of-n', async () => {
    const found = await json('sets.jsonl');
    const scores = jsonLines((await w.score('score', 'sets.jsonl')).stdout);
    const byPrompt = prompts.map((_, p) =>
      scores.filter((s) => s['row'] === p).map((s) => Number(s['expectation'])),
    );
    const mean = (x: number[]): number => x.reduce((a, b) => a + b, 0) / x.length;
    expect(found).toMatchObject({ prompts: 12, responses: 72, weighted: false });
    expect(found.reference.figures['mean']![0]).toBeCloseTo(mean(byPrompt.map(mean)), 6);
    const best = found.objectives[0]!.bestOf.find(({ k }) => k === 6)!;
    expect(best.figures['mean']![0]).toBeCloseTo(mean(byPrompt.map((x) => Math.max(...x))), 6);
    expect(best.kl[0]).toBeCloseTo(Math.log(6) - 5 / 6, 12);
    const q05 = found.objectives.find(({ name }) => name === 'q05')!;
    const tails = prompts.map((_, p) =>
      Math.max(...scores.filter((s) => s['row'] === p).map((s) => Number(s['tail']))),
    );
    expect(q05.bestOf.at(-1)!.figures['q05']![0]).toBeCloseTo(mean(tails), 5);
    for (const { atBudget } of found.objectives)
      expect(atBudget!.kl[0] / found.budget).toBeCloseTo(1, 2);
  });

  it('groups the rows of one prompt, wherever they stand', async () => {
    const [sets, rows] = [await json('sets.jsonl'), await json('rows.jsonl')];
    expect(rows.prompts).toBe(12);
    expect(rows.reference.figures).toEqual(sets.reference.figures);
    const half = await json('rows.jsonl', 'sets.jsonl');
    expect(half).toMatchObject({ prompts: 12, responses: 144 });
  });

  it('writes the best of n, pairs and weights, which the readers read again', async () => {
    const by = ['--by', 'q05', '--write', 'best.jsonl', '--write-pairs', 'pairs.jsonl'];
    const run = await w.score('policy', 'rows.jsonl', ...by, '--write-weights', 'weights.jsonl');
    expect(run.code).toBe(0);
    const scores = jsonLines((await w.score('score', 'rows.jsonl')).stdout);
    const file = (name: string) => jsonLines(readFileSync(w.path(name), 'utf8'));
    const source = readFileSync(w.path('rows.jsonl'), 'utf8').split('\n');
    const text = (row: number) => (JSON.parse(source[row]!) as { completion: string }).completion;
    const best = file('best.jsonl');
    expect(best).toHaveLength(12);
    for (const line of best) {
      const [{ content }] = line['prompt'] as [{ content: string }];
      const p = prompts.indexOf(content);
      const tails = scores.filter((s) => Number(s['row']) % 12 === p);
      const top = tails.reduce((a, b) => (Number(b['tail']) > Number(a['tail']) ? b : a));
      expect(line).toMatchObject({
        completion: [{ role: 'assistant', content: text(Number(top['row'])) }],
        objective: 'q05',
        n: 6,
        row: top['row'],
        line: Number(top['row']) + 1,
      });
      expect(Number(line['score'])).toBeCloseTo(Number(top['tail']), 6);
    }
    const pairs = file('pairs.jsonl');
    expect(pairs).toHaveLength(12);
    for (const pair of pairs) {
      const [high, low] = [Number(pair['score_chosen']), Number(pair['score_rejected'])];
      expect(Number(pair['margin'])).toBeCloseTo(high - low, 12);
      expect(high).toBeGreaterThan(low);
    }
    const weights = file('weights.jsonl');
    expect(weights).toHaveLength(72);
    const sums = new Map<unknown, number>();
    for (const line of weights)
      sums.set(line['prompt_id'], (sums.get(line['prompt_id']) ?? 0) + Number(line['weight']));
    expect(sums.size).toBe(12);
    for (const sum of sums.values()) expect(sum).toBeCloseTo(1, 10);
    // What was written is a data set again: chosen beats rejected by the same figure.
    const again = jsonLines((await w.score('score', 'pairs.jsonl')).stdout);
    expect(again).toHaveLength(24);
    for (let n = 0; n < 24; n += 2)
      expect(Number(again[n]!['tail'])).toBeGreaterThan(Number(again[n + 1]!['tail']));
    expect((await json('best.jsonl', 'sets.jsonl')).responses).toBe(84);
  });

  it('shows tables and plots, or one row for each policy', async () => {
    const text = await w.score('policy', 'sets.jsonl', '--objectives', 'ce(lambda=3),cvar20');
    expect(text.stdout).toContain('What training would do: 72 responses to 12 prompts (6 each)');
    expect(text.stdout).toMatch(/ce\(lambda=3\) .*\n.*cvar20/);
    expect(text.stdout).toContain('Left tail against mean, as KL grows');
    expect(text.stdout).toContain('12 prompts are few');
    const csv = await w.score('policy', 'sets.jsonl', '--format', 'csv', '--betas', '0.1,1');
    const [head, ...lines] = csv.stdout.trimEnd().split('\n');
    const columns = head!.split(',').length;
    for (const line of lines)
      expect(line.replace(/"[^"]*"/g, '""').split(',')).toHaveLength(columns);
    expect(lines.filter((l) => l.startsWith('path,"mean",'))).toHaveLength(2);
  });

  it('lets no name of a file into the markup of its page', async () => {
    writeFileSync(w.path('<b>x.jsonl'), readFileSync(w.path('sets.jsonl')));
    const { stdout } = await w.score('policy', '<b>x.jsonl', '--format', 'html');
    expect(stdout).not.toContain('<b>x');
    expect(stdout).toContain('&lt;b&gt;x.jsonl');
    expect(stdout).toContain("default-src 'none'; style-src 'sha256-");
    expect(stdout).not.toMatch(/NaN|undefined|<script/);
  });

  it('counts a response of several pairs once, and says what is left out', async () => {
    const pairs = [
      { prompt: 'A?', chosen: 'Yes it is.', rejected: 'No it is not.' },
      { prompt: 'A?', chosen: 'Yes it is.', rejected: 'It depends.' },
      { prompt: 'B?', chosen: 'Maybe.', rejected: '' },
    ];
    writeFileSync(w.path('several.jsonl'), pairs.map((x) => JSON.stringify(x)).join('\n'));
    const found = await json('several.jsonl');
    expect(found).toMatchObject({
      prompts: 1,
      responses: 3,
      leftOut: { repeated: 1, unscored: 1, single: 1 },
    });
  });

  it('refuses what it does not know before a model is loaded, and what nothing follows from', async () => {
    const wrong = await w.run('policy', 'sets.jsonl', '--objectives', 'mean,median');
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('"median" is no objective; expected mean, q05, cvar20');
    const stranger = await w.score('policy', 'sets.jsonl', '--by', 'attribute(kindness)');
    expect(stranger.code).toBe(2);
    expect(stranger.stderr).toContain('the model has no attribute kindness; it has');
    writeFileSync(w.path('one.jsonl'), JSON.stringify({ prompt: 'A?', completion: 'Yes.' }));
    const single = await w.score('policy', 'one.jsonl');
    expect(single.code).toBe(3);
    expect(single.stderr).toContain('no prompt has two scored responses');
    const missing = await w.run('policy', 'absent.jsonl');
    expect(missing.code).toBe(3);
  });
});
