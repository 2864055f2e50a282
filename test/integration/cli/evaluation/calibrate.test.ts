import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { jsonLines, Workspace } from '../helpers.js';

let w: Workspace;
const ROWS = 40;
beforeAll(() => {
  w = new Workspace();
  const rows = Array.from({ length: ROWS }, (_, n) => ({
    prompt: `Question ${n}: is it so?`,
    response: `Answer ${n * 7} of ${(n * 31) % 100}, ${n % 3 === 0 ? 'no' : 'yes'}.`,
  }));
  const labelled = rows.map((row, n) => ({ ...row, label: n % 4 !== 0 }));
  const lines = (all: object[]): string => all.map((row) => JSON.stringify(row)).join('\n');
  writeFileSync(w.path('rated.jsonl'), lines(labelled));
  writeFileSync(w.path('plain.jsonl'), lines(rows));
});
afterAll(() => w.end());

const said = /Calibration \([^)]*\): of responses below the threshold [−-]?\d\.\d{3}, \d+ to \d+ % were bad in your labels/; // prettier-ignore

it('your labels are a passport, and reports say what their threshold means', async () => {
  const made = await w.score('calibrate', 'rated.jsonl', '--quiet');
  expect([made.code, made.stderr]).toEqual([0, '']);
  expect(made.stdout).toMatch(/in rated\.jsonl \(by the reward\): 40 responses, 40 prompts/);
  expect(made.stdout).toMatch(/bad responses: 10 of 40/);
  expect(made.stdout).toMatch(/Split conformal: the guarantee holds on average/);
  for (const format of ['html', 'sarif']) {
    const { stdout, code } = await w.score('audit', 'plain.jsonl', '--format', format, '--quiet');
    expect(code).toBe(0);
    expect(stdout).toMatch(said);
    expect(stdout).toContain('Split conformal');
  }
}, 600_000);

it('accepted and ignored findings are labels too', async () => {
  const hashes = jsonLines((await w.score('score', 'plain.jsonl', '--quiet')).stdout).map((s) =>
    String(s['hash']).slice(0, 16),
  );
  const list = (all: string[], code: string): string =>
    JSON.stringify({ version: 1, ignored: all.map((hash) => ({ hash, code })) });
  writeFileSync(w.path('accepted.json'), list(hashes.slice(0, 14), 'low-left-tail'));
  writeFileSync(w.path('.qrm-ignore.json'), list(hashes.slice(14, 30), 'low-left-tail'));
  const { stdout, code } = await w.score('calibrate', 'plain.jsonl', '--accepted', 'accepted.json', '--quiet'); // prettier-ignore
  expect(code).toBe(0);
  expect(stdout).toMatch(/in plain\.jsonl \(by the reward\): 30 responses, 30 prompts/);
  expect(stdout).toMatch(/bad responses: 14 of 30/);
}, 600_000);
