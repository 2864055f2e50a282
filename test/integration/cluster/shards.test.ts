import { spawn } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeScore } from '../../../server/src/store/index.js';
import { CLI, jsonLines, MODEL, Workspace } from '../cli/helpers.js';

/** `pairs.jsonl` (24 pairs, blank lines, a broken one) and its shards, made by the command of CONTRIBUTING.md. */
const FIXTURE = fileURLToPath(new URL('../../fixtures/shards/', import.meta.url));
const ENGINE = ['--model', MODEL, '--device', 'cpu', '--precision', 'float32'];
const w = new Workspace();
afterAll(() => w.end());
beforeAll(() => {
  copyFileSync(join(FIXTURE, 'pairs.jsonl'), w.path('pairs.jsonl'));
  cpSync(join(FIXTURE, 'scores'), w.path('scores'), { recursive: true });
});

/** What `qrm serve --stdio` answers to one shard. */
async function answerTo(shard: object, bytes: Buffer): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, [CLI, 'serve', '--stdio', '--quiet', ...ENGINE], {
    env: { ...process.env, QRM_LENS_CACHE: w.folder },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const frame = (data: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(data.length);
    child.stdin.write(Buffer.concat([length, data]));
  };
  frame(Buffer.from(JSON.stringify({ id: 7, shard })));
  frame(bytes);
  child.stdin.end();
  const parts: Buffer[] = [];
  for await (const part of child.stdout) parts.push(part as Buffer);
  let rest = Buffer.concat(parts);
  const messages: Record<string, unknown>[] = [];
  while (rest.length > 0) {
    const end = 4 + rest.readUInt32LE();
    messages.push(JSON.parse(rest.subarray(4, end).toString()) as Record<string, unknown>);
    rest = rest.subarray(end);
  }
  expect(messages.map((m) => Object.keys(m)[0])).toEqual(['ready', 'id']);
  return messages[1]!;
}

describe('qrm serve --stdio', () => {
  it('scores a shard as qrm score scores the file', async () => {
    const settings = { tau: 0.05, lambda: 1, cvarLevel: 0.2 };
    const bytes = readFileSync(w.path('pairs.jsonl'));
    const { id, result } = await answerTo({ name: 'pairs.jsonl', settings }, bytes);
    const { lines, ...told } = result as { lines: { score: string }[]; records: number };
    expect(id).toBe(7);
    expect(told).toMatchObject({
      rows: 24,
      bad: 1,
      problems: [{ line: 8, code: 'malformed-row' }],
    });
    // Of 27 lines two are blank, one is broken: it counts as a record.
    expect(told.records).toBe(25);
    const { stdout } = await w.score('score', 'pairs.jsonl', '--no-store');
    const expected = jsonLines(stdout).map(({ run: _run, file: _file, ...line }) => line);
    expect(lines.map(({ score: _score, ...line }) => line)).toEqual(expected);
    for (const [n, { score }] of lines.entries()) {
      // Of one answer that is blank there is none.
      if (expected[n]!['error'] !== undefined) continue;
      const decoded = decodeScore(Buffer.from(score, 'base64'))!;
      expect(decoded.expectation).toBe(expected[n]!['expectation']);
      expect([...decoded.gate]).toEqual(Object.values(expected[n]!['gate'] as object));
    }
  });

  it('answers a shard that is no data with its problem', async () => {
    const settings = { tau: 0.05, lambda: 1 };
    const { result } = await answerTo({ name: 'x.jsonl', settings }, Buffer.from('\0\x01\x02'));
    expect(result).toMatchObject({ rows: 0, lines: [], bad: 1 });
  });
});

describe('qrm audit --scores', () => {
  const report = async (...args: string[]) => {
    const { stdout, stderr, code } = await w.run('audit', '--format', 'json', ...args);
    return { code, stderr, report: code === 2 ? {} : (JSON.parse(stdout) as Report) };
  };
  interface Report {
    readonly findings?: readonly { code: string; line: number; response?: string }[];
    readonly riskiest?: readonly { line: number; tail: number; quantiles: number[] }[];
    readonly responses?: number;
    readonly executionProvider?: string;
  }

  it('says what an audit with the model says, without one', async () => {
    const shards = readdirSync(w.path('scores')).filter((name) => name.endsWith('.parquet'));
    expect(shards.length).toBeGreaterThan(2);
    const own = await report('pairs.jsonl', ...ENGINE, '--no-store');
    const { report: found, code } = await report('pairs.jsonl', '--scores', 'scores');
    expect(code).toBe(0);
    expect(found.responses).toBe(48);
    const places = (r: Report) => r.findings!.map(({ code, line }) => `${code}:${line}`);
    expect(places(found)).toEqual(places(own.report));
    expect(places(found)).toContain('malformed-row:8');
    expect(found.riskiest!.map(({ line }) => line)).toEqual(
      own.report.riskiest!.map((r) => r.line),
    );
    // Made on another processor: equal but for the last digits.
    for (const [n, { tail, quantiles }] of found.riskiest!.entries()) {
      expect(tail).toBeCloseTo(own.report.riskiest![n]!.tail, 4);
      for (const [k, q] of quantiles.entries())
        expect(q).toBeCloseTo(own.report.riskiest![n]!.quantiles[k]!, 4);
    }
  });

  it('takes other thresholds and readings than the cluster had', async () => {
    const { report: found } = await report('pairs.jsonl', '--scores', 'scores', '--tau', '0.25', '--select', 'low-left-tail', '--tail-threshold', '50%'); // prettier-ignore
    expect(found.findings).toHaveLength(24);
  });

  it('a damaged shard costs its responses, and is named; a row that changed has no score', async () => {
    cpSync(w.path('scores'), w.path('hurt'), { recursive: true });
    const name = readdirSync(w.path('hurt')).find((file) => file.startsWith('part-000001'))!;
    truncateSync(join(w.path('hurt'), name), 400);
    const hurt = await report('pairs.jsonl', '--scores', 'hurt');
    expect(hurt.stderr).toContain(name);
    const unscored = (r: Report) => r.findings!.filter(({ code }) => code === 'unscored').length;
    expect(unscored(hurt.report)).toBeGreaterThan(2);
    expect(unscored(hurt.report)).toBeLessThan(30);
    writeFileSync(w.path('pairs2.jsonl'), '');
    const text = readFileSync(w.path('pairs.jsonl'), 'utf8');
    writeFileSync(
      w.path('pairs.jsonl'),
      text.replace(/Assistant: [^"\\]+"/, 'Assistant: Never seen."'),
    );
    const moved = await report('pairs.jsonl', '--scores', 'scores');
    // Beside the one that is blank.
    expect(unscored(moved.report)).toBe(2);
    writeFileSync(w.path('pairs.jsonl'), text);
  });

  it.each([
    [['pairs.jsonl', '--scores', 'nowhere'], 2, /no manifest.json/],
    [['pairs.jsonl', '--scores', 'scores', '--model', 'x'], 2, /--scores: no --model/],
    [[], 2, /missing required argument 'files'/],
    [['pairs2.jsonl', '--scores', 'scores'], 3, /no scores of it in scores/],
  ])('%j', async (args, code, words) => {
    writeFileSync(w.path('pairs2.jsonl'), readFileSync(w.path('pairs.jsonl')));
    const { code: found, stderr } = await w.run('audit', ...args);
    expect([found, stderr]).toEqual([code, expect.stringMatching(words)]);
  });
});

describe('qrm score --ray', () => {
  it.each([
    [['--ray', 'local', 'pairs.jsonl'], /expected --out/],
    [['--ray', 'local', 'pairs.jsonl', '--out', 'o', '--limit', '3'], /no --limit/],
    [['pairs.jsonl', '--input', 'x'], /--input goes with --ray/],
    [
      ['--ray', 'local', 'pairs.jsonl', '--out', 'o', '--python', '/no/python'],
      /--python \/no\/python: .*ENOENT/,
    ],
  ])('%j', async (args, words) => {
    const { code, stderr } = await w.run('score', ...args);
    expect([code, stderr]).toEqual([2, expect.stringMatching(words)]);
  });
});
