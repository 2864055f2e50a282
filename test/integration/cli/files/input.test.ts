import { spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  createWriteStream,
  existsSync,
  mkdtempSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { stuckRecord } from '../../../stuck.js';
import { CLI, HH, hhLines, jsonLines, MODEL, Workspace } from '../helpers.js';

const SMALL = ['--model', MODEL, '--device', 'cpu', '--precision', 'float32'];

let w: Workspace;
const lines = hhLines(0, 20);
beforeAll(() => {
  w = new Workspace();
  writeFileSync(w.path('pairs.jsonl'), lines.join('\n'));
});
afterAll(() => w.end());

/** What a report says apart from the file's name. */
const findings = (stdout: string) =>
  jsonLines(stdout.replaceAll(/"file":"[^"]*"/g, '"file":"(the file)"'));

describe('pipes as input', () => {
  it('audit - reads standard input as it reads a file', async () => {
    const { child, done } = w.start(['audit', '-', '--format', 'jsonl', ...SMALL]);
    child.stdin!.end(lines.join('\n'));
    const piped = await done;
    expect(piped.stderr).toContain('40 responses');
    expect(piped.code).toBe(0);
    const file = await w.score('audit', 'pairs.jsonl', '--format', 'jsonl');
    expect(findings(piped.stdout)).toEqual(findings(file.stdout));
  });

  it.runIf(process.platform === 'linux')(
    'audit <(zcat … | head) reads what a shell substitutes',
    async () => {
      const line = `"${process.execPath}" "${CLI}" audit <(zcat "${HH}" | head -20) --format jsonl ${SMALL.join(' ')}`;
      const folder = mkdtempSync(w.path('shell-'));
      const shell = spawn('bash', ['-c', line], {
        env: { ...process.env, QRM_LENS_CACHE: folder, NO_COLOR: '1' },
      });
      let [stdout, stderr] = ['', ''];
      shell.stdout.on('data', (d: Buffer) => (stdout += d.toString()));
      shell.stderr.on('data', (d: Buffer) => (stderr += d.toString()));
      const code = await new Promise((resolve) => shell.on('close', resolve));
      expect(stderr).toContain('40 responses');
      expect(code).toBe(0);
      const file = await w.score('audit', 'pairs.jsonl', '--format', 'jsonl');
      expect(findings(stdout)).toEqual(findings(file.stdout));
    },
  );

  it.runIf(process.platform === 'linux')(
    'standard input is one input under all its names, and is not written over',
    async () => {
      const lined = async (line: string) => (await w.shell(line)).stdout.trim().split('\n').length;
      expect(await lined('cat pairs.jsonl | $Q score - /dev/stdin /proc/self/fd/0 $M')).toBe(40);
      expect(await lined('$Q score - pairs.jsonl /dev/fd/0 $M < pairs.jsonl')).toBe(40);
      const { code, stderr } = await w.shell('$Q audit - $M --out pairs.jsonl < pairs.jsonl');
      expect([code, stderr]).toEqual([2, expect.stringContaining('is read as well') as string]);
      expect(readFileSync(w.path('pairs.jsonl'), 'utf8')).toBe(lines.join('\n'));
    },
  );

  it.runIf(process.platform !== 'win32')('score reads a named pipe', async () => {
    expect(spawnSync('mkfifo', [w.path('fifo')]).status).toBe(0);
    const { done } = w.start(['score', 'fifo', ...SMALL]);
    createWriteStream(w.path('fifo')).end(lines.join('\n'));
    const piped = await done;
    expect(piped.code).toBe(0);
    const file = await w.score('score', 'pairs.jsonl');
    const numbers = (text: string) =>
      jsonLines(text).map((l) => [l['row'], l['kind'], l['quantiles']]);
    expect(numbers(piped.stdout)).toHaveLength(40);
    expect(numbers(piped.stdout)).toEqual(numbers(file.stdout));
  });
});

it('a file that makes its reader spin costs that file: the others are audited, exit 3', async () => {
  writeFileSync(w.path('bad.jsonl'), `${lines[0]}\n${stuckRecord()}\n`);
  process.env['QRM_LENS_READER_SECONDS'] = '0.3';
  const { code, stderr, stdout } = await w
    .score(...['audit', 'bad.jsonl', 'pairs.jsonl', '--format', 'jsonl'])
    .finally(() => delete process.env['QRM_LENS_READER_SECONDS']);
  expect(stderr).toMatch(/bad\.jsonl.*the reader made no progress/);
  // The row before what is stuck, too.
  expect(stderr).toContain('42 responses');
  expect(jsonLines(stdout).some((l) => l['file'] === 'pairs.jsonl')).toBe(true);
  expect(code).toBe(3);
});

it('a Parquet file that the library reads without end is named for what is wrong with it', async () => {
  copyFileSync(
    join(import.meta.dirname, '../../../fixtures/damaged/endless.parquet'),
    w.path('endless.parquet'),
  );
  const { code, stderr } = await w.score('audit', 'endless.parquet');
  expect(stderr).toContain("column 'chosen', rows 0 to 0: a page ends after 0 of 1 values");
  expect(code).toBe(3);
});

it('a reader that spins ends with the program, however that ends', async () => {
  writeFileSync(w.path('alone.jsonl'), `${lines[0]}\n${stuckRecord()}\n`);
  const cli = spawn(process.execPath, [CLI, 'audit', w.path('alone.jsonl'), ...SMALL], {
    stdio: 'ignore',
    env: { ...process.env, QRM_LENS_CACHE: w.path('cache-alone'), QRM_LENS_READER_SECONDS: '600' },
  });
  const children = (): number[] => {
    try {
      return readFileSync(`/proc/${cli.pid}/task/${cli.pid}/children`, 'utf8')
        .split(' ')
        .map(Number)
        .filter(
          (pid) => pid > 0 && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('reader'),
        );
    } catch {
      return [];
    }
  };
  const spent = (pid: number): number =>
    Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[13]);
  // Some processor time after its start it is at the file.
  await vi.waitFor(() => expect(children().some((pid) => spent(pid) > 60)).toBe(true), 30_000);
  const readers = children();
  cli.kill('SIGKILL');
  await vi.waitFor(() => {
    for (const pid of readers) expect(existsSync(`/proc/${pid}/cmdline`)).toBe(false);
  }, 20_000);
}, 60_000);

it('a file that is not there ends every command that reads data with 3, and is named', async () => {
  for (const args of [
    ['audit'],
    ['score'],
    ['evaluate'],
    ['calibrate'],
    ['policy'],
    ['watch'],
    ['clean', '--drop-duplicates', '--dry-run'],
    ['compare', 'pairs.jsonl'],
  ]) {
    const { code, stderr } = await w.run(...args, 'nowhere.jsonl');
    expect([args[0], code, stderr]).toEqual([args[0], 3, expect.stringContaining('nowhere.jsonl: no such file or folder') as string]); // prettier-ignore
  }
});
