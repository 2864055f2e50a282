import {
  appendFileSync,
  cpSync,
  existsSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hhLines, jsonLines, MODEL, Workspace } from './helpers.js';

let w: Workspace;
beforeAll(() => {
  w = new Workspace();
  writeFileSync(w.path('pairs.jsonl'), hhLines(0, 10).join('\n'));
});
afterAll(() => w.end());

describe('qrm score', () => {
  it('writes a line a response, in the order of the file, to standard output or a file', async () => {
    const direct = await w.score('score', 'pairs.jsonl');
    expect(direct.code).toBe(0);
    const lines = jsonLines(direct.stdout);
    expect(lines.map((l) => [l['row'], l['kind']])).toEqual(
      Array.from({ length: 10 }, (_, row) => [
        [row, 'chosen'],
        [row, 'rejected'],
      ]).flat(),
    );
    for (const line of lines) {
      const quantiles = line['quantiles'] as number[];
      expect(quantiles).toEqual([...quantiles].sort((a, b) => a - b));
      expect(quantiles).toHaveLength(5);
      expect(line['expectation']).toBeCloseTo(quantiles.reduce((a, b) => a + b) / 5, 4);
      const gate = Object.values(line['gate'] as Record<string, number>);
      expect(gate).toHaveLength(3);
      expect(Number(line['cvar'])).toBeGreaterThanOrEqual(Number(line['tail']) - 1e-6);
    }
    await w.score('score', 'pairs.jsonl', '--out', 's.jsonl');
    expect(readFileSync(w.path('s.jsonl'), 'utf8')).toBe(direct.stdout);
  });

  it('adds nothing to a whole output, and only the missing lines to a cut one', async () => {
    const whole = readFileSync(w.path('s.jsonl'), 'utf8');
    const again = await w.score('score', 'pairs.jsonl', '--out', 's.jsonl');
    expect(again.stderr).toContain('20 responses are in s.jsonl already');
    expect(readFileSync(w.path('s.jsonl'), 'utf8')).toBe(whole);
    // A line half written, as a power cut leaves it.
    writeFileSync(w.path('s.jsonl'), whole.slice(0, whole.indexOf('\n', whole.length / 2) + 40));
    await w.score('score', 'pairs.jsonl', '--out', 's.jsonl');
    expect(readFileSync(w.path('s.jsonl'), 'utf8')).toBe(whole);
  });

  it.each(['SIGKILL', 'SIGINT'] as const)(
    'loses nothing to %s: the next run goes on',
    async (signal) => {
      const name = `${signal}.out`;
      writeFileSync(w.path('long.jsonl'), hhLines(200, 240).join('\n'));
      const args = ['score', 'long.jsonl', '--out', name, '--no-store', '--model', MODEL];
      const { child, done } = w.start([...args, '--device', 'cpu', '--precision', 'float32']);
      const out = w.path(name);
      const read = () => (existsSync(out) ? readFileSync(out, 'utf8') : '');
      while (read().split('\n').length < 4) await new Promise((r) => setTimeout(r, 10));
      child.kill(signal);
      const ended = await done;
      expect(signal === 'SIGKILL' ? ended.signal : ended.code).toBe(
        signal === 'SIGKILL' ? 'SIGKILL' : 130,
      );
      const kept = read();
      const resumed = await w.score('score', 'long.jsonl', '--out', name, '--no-store');
      expect(resumed.code).toBe(0);
      const text = read();
      expect(text.startsWith(kept.slice(0, kept.lastIndexOf('\n') + 1))).toBe(true);
      expect(jsonLines(text).map((l) => [l['row'], l['kind']])).toEqual(
        Array.from({ length: 40 }, (_, row) => [
          [row, 'chosen'],
          [row, 'rejected'],
        ]).flat(),
      );
    },
  );

  it('refuses an output that is not its own or of other settings, and leaves it as it is', async () => {
    writeFileSync(w.path('mine.txt'), 'my notes\nwithout an end');
    const foreign = await w.score('score', 'pairs.jsonl', '--out', 'mine.txt');
    expect(foreign.code).toBe(2);
    expect(foreign.stderr).toContain('mine.txt is not a file of scores');
    expect(readFileSync(w.path('mine.txt'), 'utf8')).toBe('my notes\nwithout an end');
    const other = await w.score('score', 'pairs.jsonl', '--out', 's.jsonl', '--lambda', '3');
    expect(other.code).toBe(2);
    expect(other.stderr).toMatch(/other settings; name another --out/);
  });

  it('opens no model for scores that are known, unless its files are others', async () => {
    const weights = w.path('own/model.safetensors');
    const day = new Date('2026-01-01');
    cpSync(MODEL, w.path('own'), { recursive: true });
    utimesSync(weights, day, day);
    writeFileSync(w.path('known.jsonl'), hhLines(0, 4).join('\n'));
    const audit = () => w.run('audit', 'known.jsonl', '--model', 'own', '--format', 'json');
    const first = await audit();
    expect(first.code).toBe(0);
    // Not a model any more; its size and its time are those of one.
    const { size } = statSync(weights);
    truncateSync(weights, 0);
    truncateSync(weights, size);
    utimesSync(weights, day, day);
    const again = await audit();
    expect(again).toMatchObject({ code: 0, stdout: first.stdout });
    expect(again.stderr).toContain('8 from the score store');
    utimesSync(weights, new Date(), new Date());
    const opened = await audit();
    expect(opened).toMatchObject({ code: 2, stdout: '' });
    expect(opened.stderr).toContain('model.safetensors');
  });

  it('writes the other rows of a file with a bad one, and names its place', async () => {
    writeFileSync(w.path('bad.jsonl'), `${hhLines(30, 31)[0]}\n{"chosen": 1}\n`);
    appendFileSync(w.path('bad.jsonl'), `${hhLines(31, 32)[0]}\n`);
    const { code, stdout, stderr } = await w.score('score', 'bad.jsonl');
    expect(code).toBe(0);
    expect(jsonLines(stdout).map((l) => l['row'])).toEqual([0, 0, 2, 2]);
    expect(stderr).toMatch(/bad\.jsonl:2:\d+/);
  });

  it('ends quietly when its reader leaves', async () => {
    const { child, done } = w.start([
      'score',
      'pairs.jsonl',
      '--model',
      MODEL,
      '--device',
      'cpu',
      '--quiet',
    ]);
    child.stdout!.once('data', () => child.stdout!.destroy());
    const { stderr } = await done;
    expect(stderr).not.toMatch(/EPIPE|\n\s+at /);
  });
});
