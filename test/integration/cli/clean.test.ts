import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MODEL, Workspace } from './helpers.js';

let work: Workspace;
beforeAll(() => void (work = new Workspace()));
afterAll(() => work.end());

type Pair = readonly [prompt: string, chosen: string, rejected: string];
const line = ([prompt, chosen, rejected]: Pair) => JSON.stringify({ prompt, chosen, rejected });
const model = ['--model', MODEL, '--device', 'cpu', '--precision', 'float32', '--quiet'];
const lines = (path: string) => readFileSync(work.path(path), 'utf8').split('\n').filter(Boolean);

/** What `--annotate` says of each row: the model's own figures, by another way than the one that is tested. */
async function figures(file: string) {
  const { code } = await work.run('clean', file, '--annotate', '--out', 'figures', ...model);
  expect(code).toBe(0);
  return lines(`figures/${file}`).map((text) => JSON.parse(text) as { expectation: [number, number]; q05: [number, number]; p_chosen: number }); // prettier-ignore
}

describe('qrm clean --keep-top', () => {
  const pairs = Array.from({ length: 9 }, (_, n): Pair => [`Question ${n}?`, `An answer, ${n * n}.`, `No ${n}`]); // prettier-ignore

  it.each([
    ['50%:margin', 5],
    ['50%:tail', 5],
    ['10%', 1],
    ['100%', 9],
  ])('%s keeps the best rows as they are, in their order', async (share, kept) => {
    writeFileSync(work.path('top.jsonl'), pairs.map(line).join('\n'));
    const values = (await figures('top.jsonl')).map(({ expectation, q05 }) => share.endsWith('tail') ? q05[0] : expectation[0] - expectation[1]); // prettier-ignore
    const best = values.map((value, n) => ({ value, n })).sort((a, b) => b.value - a.value || a.n - b.n).slice(0, kept); // prettier-ignore
    const { code } = await work.run('clean', 'top.jsonl', '--keep-top', share, '--out', 'top', ...model); // prettier-ignore
    expect(code).toBe(0);
    expect(lines('top/top.jsonl')).toEqual(best.map(({ n }) => n).sort((a, b) => a - b).map((n) => line(pairs[n]!))); // prettier-ignore
  });

  it.each(['0%', '101%', '5', 'half', '50%:mean'])('%s is refused', async (share) => {
    const { code, stderr } = await work.run('clean', 'top.jsonl', '--keep-top', share, '--dry-run');
    expect(code).toBe(2);
    expect(stderr).toMatch(/--keep-top .*expected a share/);
  });
});

describe('qrm clean --dedupe-contradictions', () => {
  it('the label that more rows have stays, once; of as many the one that the model finds likelier', async () => {
    const [a, b] = ['A longer answer with reasons.', 'No.'];
    const pairs: Pair[] = [
      ['P', a, b],
      ['P', b, a],
      ['P', b, a],
      ['Q', a, b],
      ['Q', b, a],
      ['R', b, a],
      ['R', a, b],
      ['S', a, b],
    ];
    writeFileSync(work.path('both.jsonl'), pairs.map(line).join('\n'));
    const p = (await figures('both.jsonl')).map(({ p_chosen }) => p_chosen);
    const { code } = await work.run('clean', 'both.jsonl', '--dedupe-contradictions', '--out', 'both', ...model); // prettier-ignore
    expect(code).toBe(0);
    expect(p[3]).not.toBeCloseTo(p[4]!, 3);
    const likelier = (x: number, y: number) => (p[x]! > p[y]! ? x : y);
    expect(lines('both/both.jsonl')).toEqual([1, likelier(3, 4), likelier(5, 6), 7].map((n) => line(pairs[n]!))); // prettier-ignore
  });
});

describe('qrm compare', () => {
  it('exits by --fail-on, lists leaks with their lines, and names what it cannot read', async () => {
    writeFileSync(work.path('train.jsonl'), [line(['P', 'a', 'b']), line(['Q', 'c', 'd'])].join('\n')); // prettier-ignore
    writeFileSync(work.path('test.jsonl'), [line(['X', 'a', 'b']), line(['P', 'b', 'a'])].join('\n')); // prettier-ignore
    const run = (...more: string[]) => work.run('compare', 'train.jsonl', 'test.jsonl', ...more);
    const listed = await run('--leaks');
    expect(listed.code).toBe(0);
    expect(listed.stdout).toContain('test.jsonl:2: contradicting-label, shared-response, shared-prompt: train.jsonl:1'); // prettier-ignore
    expect((await run()).stdout).not.toContain('test.jsonl:2');
    expect((await run('--fail-on', 'any')).code).toBe(1);
    expect((await run('--fail-on', 'shared-prompt:2')).code).toBe(0);
    expect((await run('--fail-on', 'leaks')).stderr).toContain(
      'expected one of contradicting-label',
    );
    expect((await work.run('compare', 'train.jsonl', 'gone.jsonl')).code).toBe(3);
    expect((await work.run('compare', 'train.jsonl', 'test.jsonl', '--out', 'train.jsonl')).code).toBe(2); // prettier-ignore
  });
});
