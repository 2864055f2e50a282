import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EvaluationResult, RowResult } from '../../../../server/src/protocol/index.js';
import { Server } from '../../http/server.js';
import { Workspace } from '../helpers.js';

const golden = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/golden/${name}`, import.meta.url));
const PAIRS = fileURLToPath(
  new URL('../../../fixtures/evaluation/layouts/pairs.jsonl', import.meta.url),
);

let w: Workspace;
beforeAll(() => void (w = new Workspace()));
afterAll(() => w.end());

const FIGURES = ['--format', 'json', '--resamples', '100', '--quiet'];
const tableOf = (stdout: string): readonly RowResult[] =>
  (JSON.parse(stdout) as EvaluationResult).suites[0]!.rows;

it('of many rows nothing but numbers is held: 160 MB of text pass through 80 MB of memory', async () => {
  // Few different pairs, so that the model has little to do; each row has 8 KB that are its own.
  const [rows, different, filler] = [20_000, 100, 8192];
  const chunks: Buffer[] = [];
  for (let n = 0; n < rows; n += 1000) {
    const lines = Array.from({ length: 1000 }, (_, i) => {
      const k = (n + i) % different;
      return JSON.stringify({
        prompt: `Question ${k}?`,
        chosen: `The answer is ${k}.`,
        rejected: `I do not know ${k * 7}.`,
        subset: `part ${k % 4}`,
        source: `${n + i} `.repeat(filler).slice(0, filler),
      });
    });
    chunks.push(gzipSync(`${lines.join('\n')}\n`, { level: 1 }));
  }
  const file = w.path('many.jsonl.gz');
  writeFileSync(file, Buffer.concat(chunks));
  const items = w.path('items.jsonl');
  const before = process.env['NODE_OPTIONS'];
  process.env['NODE_OPTIONS'] = '--max-old-space-size=80';
  try {
    const { code, stdout, stderr } = await w.run('evaluate', file, '--model', golden('llama3-bt'), '--device', 'cpu', '--precision', 'float32', '--items', items, ...FIGURES); // prettier-ignore
    expect([code, stderr]).toEqual([0, '']);
    const suite = (JSON.parse(stdout) as EvaluationResult).suites[0]!;
    expect([suite.items, suite.prompts]).toEqual([rows, different]);
    const [row] = suite.rows;
    expect(row!.subsets.map((s) => s.items)).toEqual([5000, 5000, 5000, 5000]);
    // What is kept of wrong items is bounded too, and the rest is in the file of items.
    expect(row!.wrong.first.length).toBeLessThanOrEqual(500);
    const right = readFileSync(items, 'utf8').match(/"correct":1/g)?.length ?? 0;
    expect(row!.accuracy.value).toBeCloseTo(right / rows, 12);
    expect(row!.wrong.items).toBe(rows - right);
  } finally {
    if (before === undefined) delete process.env['NODE_OPTIONS'];
    else process.env['NODE_OPTIONS'] = before;
  }
}, 600_000);

it('--endpoint: scored by qrm serve, the figures are those of the model here', async () => {
  const here = await w.score('evaluate', PAIRS, ...FIGURES);
  expect(here.code).toBe(0);
  const server = await Server.start(w);
  try {
    const cache = new Workspace();
    try {
      const there = await cache.run('evaluate', PAIRS, '--endpoint', server.url, ...FIGURES);
      expect([there.code, there.stderr]).toEqual([0, '']);
      const [a, b] = [here, there].map(({ stdout }) => tableOf(stdout));
      expect(b!.map(({ name: _, ...row }) => row)).toEqual(a!.map(({ name: _, ...row }) => row));
    } finally {
      await cache.end();
    }
    expect(await server.metric('qrm_conversations_total')).toBeGreaterThan(0);
  } finally {
    await server.stop();
  }
}, 300_000);
