import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLI, hhLines, jsonLines, MODEL, Workspace } from '../helpers.js';

let w: Workspace;
beforeAll(() => {
  w = new Workspace();
  writeFileSync(w.path('pairs.jsonl'), hhLines(0, 4).join('\n'));
});
afterAll(() => w.end());

const audit = (out: string) =>
  w.score(
    ...['audit', 'pairs.jsonl', '--format', 'jsonl', '--tail-threshold', '1000', '--out', out],
  );
const findings = (name: string) => jsonLines(readFileSync(w.path(name), 'utf8')).length;
/** What `sh` does with standard output and descriptors, around the small model. */
const shell = (script: string) => {
  const model = `--model ${MODEL} --device cpu --precision float32`;
  const child = spawn('bash', ['-c', script], {
    cwd: w.folder,
    env: { ...process.env, QRM_LENS_CACHE: w.folder, Q: `node ${CLI}`, M: model },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (d) => (stdout += String(d)));
  child.stderr.on('data', (d) => (stderr += String(d)));
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, stdout, stderr })),
  );
};

describe('--out', () => {
  it('replaces a file and keeps its mode, owner and links', async () => {
    writeFileSync(w.path('old.jsonl'), 'an old report\n'.repeat(9999));
    chmodSync(w.path('old.jsonl'), 0o640);
    if (process.getuid?.() === 0) chownSync(w.path('old.jsonl'), 12345, 12345);
    const before = statSync(w.path('old.jsonl'));
    symlinkSync('old.jsonl', w.path('link.jsonl'));
    expect((await audit('link.jsonl')).code).toBe(0);
    const after = statSync(w.path('old.jsonl'));
    expect([after.mode, after.uid, after.gid]).toEqual([before.mode, before.uid, before.gid]);
    expect(readlinkSync(w.path('link.jsonl'))).toBe('old.jsonl');
    expect(findings('old.jsonl')).toBeGreaterThan(0);
    symlinkSync('new.jsonl', w.path('dangling.jsonl'));
    expect((await audit('dangling.jsonl')).code).toBe(0);
    expect(lstatSync(w.path('new.jsonl')).isFile()).toBe(true);
    writeFileSync(w.path('one.jsonl'), 'an old report\n'.repeat(9999));
    linkSync(w.path('one.jsonl'), w.path('two.jsonl'));
    expect((await audit('one.jsonl')).code).toBe(0);
    expect(readFileSync(w.path('two.jsonl'), 'utf8')).toBe(
      readFileSync(w.path('one.jsonl'), 'utf8'),
    );
    expect(findings('two.jsonl')).toBe(findings('new.jsonl'));
    expect(readdirSync(w.folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('refuses what cannot be written, before the model is loaded', async () => {
    writeFileSync(w.path('ro.jsonl'), 'mine');
    chmodSync(w.path('ro.jsonl'), 0o444);
    mkdirSync(w.path('folder'));
    symlinkSync('loop-b', w.path('loop-a'));
    symlinkSync('loop-a', w.path('loop-b'));
    for (const command of ['audit', 'score']) {
      for (const [out, why] of [
        ['ro.jsonl', 'the file is read-only'],
        ['folder', 'is a folder; expected the name of a file'],
        ['no/such.jsonl', 'is missing'],
        ['pairs.jsonl/x', 'no'],
        ['loop-a', 'too many symbolic links'],
      ] as const) {
        const { code, stderr } = await w.run(command, 'pairs.jsonl', '--out', out);
        expect([code, stderr.split('\n').length, stderr]).toEqual([
          2,
          2,
          expect.stringMatching(new RegExp(`^qrm: ${out}: .*${why}`)) as string,
        ]);
      }
    }
    expect(readFileSync(w.path('ro.jsonl'), 'utf8')).toBe('mine');
  });

  it.runIf(process.platform === 'linux')(
    'a folder that cannot be one is told at once',
    async () => {
      const pairs = w.path('pairs.jsonl');
      const training = ['train', '--config', w.path('train.json'), '--work'];
      writeFileSync(
        w.path('train.json'),
        JSON.stringify({ attributes: [{ file: w.path('rated.jsonl') }], out: w.path('trained') }),
      );
      const rated = Array.from({ length: 60 }, (_, i) => ({ prompt: `Q ${i}`, response: `A ${i}`, kind: i % 5 })); // prettier-ignore
      writeFileSync(w.path('rated.jsonl'), rated.map((r) => JSON.stringify(r)).join('\n'));
      const cleaning = ['clean', pairs, '--drop-duplicates', '--out'];
      for (const [args, why] of [
        // Node's own recursive mkdir never ends there.
        [[...cleaning, '/proc/x/y'], '--out /proc/x/y: no such file or directory'],
        [[...cleaning, pairs], `--out ${pairs}: ${pairs} is no folder`],
        [[...cleaning, join(pairs, 'x')], 'not a directory'],
        [[...cleaning, '/dev/null'], '/dev/null is no folder'],
        [[...training, '/proc/x/y', '--backbone', MODEL, '--device', 'cpu'], '/proc/x'],
        [['convert', MODEL, ''], 'found an empty name'],
      ] as const) {
        const { code, stderr } = await w.run(...args);
        expect([code, stderr]).toEqual([2, expect.stringContaining(why) as string]);
      }
    },
  );

  it('never writes over what it reads', async () => {
    const rows = readFileSync(w.path('pairs.jsonl'), 'utf8');
    symlinkSync('pairs.jsonl', w.path('same.jsonl'));
    linkSync(w.path('pairs.jsonl'), w.path('also.jsonl'));
    const refusals = [
      ['audit', 'pairs.jsonl', '--out', 'pairs.jsonl'],
      ['audit', 'pairs.jsonl', '--out', 'same.jsonl'],
      ['audit', 'same.jsonl', '--format', 'parquet', '--out', 'also.jsonl'],
      ['audit', '.', '--out', 'pairs.jsonl'],
      ['score', './pairs.jsonl', '--out', 'pairs.jsonl'],
      ['policy', 'pairs.jsonl', '--write', 'pairs.jsonl'],
      ['evaluate', 'pairs.jsonl', '--items', 'pairs.jsonl'],
    ];
    for (const args of refusals) {
      const { code, stderr } = await w.run(...args);
      expect([code, stderr]).toEqual([2, expect.stringContaining('is read as well') as string]);
    }
    const twice = await w.run('policy', 'pairs.jsonl', '--out', 'o', '--write', './o');
    expect([twice.code, twice.stderr]).toEqual([2, expect.stringContaining('is written twice')]);
    const none = await w.run('audit', 'pairs.jsonl', '--out', '');
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('found an empty name')]);
    expect(readFileSync(w.path('pairs.jsonl'), 'utf8')).toBe(rows);
    rmSync(w.path('also.jsonl'));
    rmSync(w.path('same.jsonl'));
  });

  it('a report in the folder that is audited is written again', async () => {
    mkdirSync(w.path('set'));
    writeFileSync(w.path('set/pairs.jsonl'), readFileSync(w.path('pairs.jsonl')));
    for (let n = 0; n < 2; n++) {
      const args = ['set', '--format', 'jsonl', '--quiet', '--model', MODEL];
      const { code, stderr } = await w.run('audit', ...args, '--out', w.path('set/report.jsonl'));
      expect([code, stderr]).toEqual([0, '']);
    }
  });

  it.skipIf(process.platform === 'win32')('writes through what is no file', async () => {
    execFileSync('mkfifo', [w.path('pipe')]);
    const whole = await shell('$Q score pairs.jsonl $M --quiet');
    expect(jsonLines(whole.stdout)).toHaveLength(8);
    const same = await Promise.all([
      shell('cat pipe & $Q score pairs.jsonl $M --quiet --out pipe; wait'),
      shell('$Q score pairs.jsonl $M --quiet --out -'),
      shell('$Q score pairs.jsonl $M --quiet --out /dev/stdout > f1; cat f1'),
      shell('$Q score pairs.jsonl $M --quiet --out /dev/fd/7 7>f7; cat f7'),
      shell('$Q score pairs.jsonl $M --quiet --out /dev/stdout | cat'),
    ]);
    for (const { code, stdout } of same) expect([code, stdout]).toEqual([0, whole.stdout]);
    expect(lstatSync(w.path('pipe')).isFIFO()).toBe(true);
    const { rdev } = statSync('/dev/null');
    for (const command of ['score', 'audit']) {
      const run = await shell(`$Q ${command} pairs.jsonl $M --quiet --out /dev/null`);
      expect(run).toEqual({ code: 0, stdout: '', stderr: '' });
      expect(statSync('/dev/null').rdev).toBe(rdev);
      if (!existsSync('/dev/full')) continue;
      const full = await shell(`$Q ${command} pairs.jsonl $M --quiet --out /dev/full`);
      expect(full).toEqual({
        code: 2,
        stdout: '',
        stderr: 'qrm: /dev/full: no space left on device\n',
      });
      const stdout = await shell(`$Q ${command} pairs.jsonl $M --quiet > /dev/full`);
      expect(stdout.code).toBe(2);
      expect(stdout.stderr).toBe('qrm: standard output: no space left on device\n');
    }
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'waits for a pipe without a reader until %s',
    async (signal) => {
      const name = `pipe-${signal}`;
      execFileSync('mkfifo', [w.path(name)]);
      for (const command of ['audit', 'score']) {
        const args = [command, 'pairs.jsonl', '--model', MODEL, '--out', name, '--device', 'cpu'];
        const { child, done } = w.start(args);
        let errors = '';
        child.stderr!.on('data', (d) => (errors += String(d)));
        while (!errors.includes('Model ')) await new Promise((r) => setTimeout(r, 20));
        child.kill(signal);
        expect((await done).code).toBe(130);
      }
    },
  );

  it('goes by its findings when the reader leaves early, and shows no stack', async () => {
    const { code, stderr } = await shell(
      'set -o pipefail; $Q audit pairs.jsonl $M --tail-threshold 1000 --fail-on error 2>err | head -1 >/dev/null; echo ${PIPESTATUS[0]}; cat err >&2; exit ${PIPESTATUS[0]}',
    );
    expect(stderr).not.toMatch(/EPIPE|\n\s+at /);
    expect(code).toBe(0);
    const gone = await shell('$Q audit pairs.jsonl $M >/dev/null 2> >(true)');
    expect(gone.code).toBe(0);
  });
});

describe('score --out again', () => {
  const score = (...args: string[]) => w.score('score', ...args, '--out', 's.jsonl', '--no-store');
  const text = () => readFileSync(w.path('s.jsonl'), 'utf8');
  const lines = () => jsonLines(text());
  const responses = () => lines().map((l) => `${String(l['kind'])} ${String(l['hash'])}`);

  it('adds nothing for a row that moved or a path spelled otherwise', async () => {
    await score('pairs.jsonl');
    const before = responses();
    for (const path of ['./pairs.jsonl', w.path('pairs.jsonl'), 'link-to-pairs.jsonl']) {
      if (path.startsWith('link')) symlinkSync('pairs.jsonl', w.path(path));
      await score(path);
      expect(responses()).toEqual(before);
    }
    const rows = hhLines(0, 4);
    // One before, one that was there already, and the others in another order.
    writeFileSync(
      w.path('pairs.jsonl'),
      [hhLines(9, 10)[0], ...rows.reverse(), rows[0]].join('\n'),
    );
    await score('pairs.jsonl');
    expect(lines()).toHaveLength(before.length + 4);
    expect(responses().slice(0, before.length)).toEqual(before);
    await score('pairs.jsonl');
    expect(lines()).toHaveLength(before.length + 4);
    // The same rows in another file are other responses.
    writeFileSync(w.path('others.jsonl'), rows.join('\n'));
    await score('others.jsonl');
    expect(lines()).toHaveLength(before.length + 12);
  });

  it('keeps a last line without its end, and mends what editors and kills leave', async () => {
    const whole = text();
    const [head = '', ...rest] = whole.trimEnd().split('\n');
    const half = head.slice(0, 80);
    for (const damaged of [
      whole.trimEnd(),
      `\ufeff${whole}`,
      `\n${whole}\n\n`,
      [head, '', ...rest, half].join('\n'),
      `${[head, half, ...rest].join('\n')}\n`,
      `${whole.replaceAll('\n', '\r\n')}`,
    ]) {
      writeFileSync(w.path('s.jsonl'), damaged);
      expect((await score('others.jsonl')).code).toBe(0);
      expect(text().replaceAll('\r', '')).toBe(whole);
    }
  });

  it('tries a line with an error again, in place of it', async () => {
    const all = text().trimEnd().split('\n');
    const { run, file, row, kind, label, hash } = JSON.parse(all[3]!) as Record<string, unknown>;
    all[3] = JSON.stringify({ run, file, row, kind, label, hash, error: 'the evaluator died' });
    writeFileSync(w.path('s.jsonl'), `${all.join('\n')}\n`);
    await score('pairs.jsonl');
    expect(lines().filter((l) => 'error' in l)).toEqual([]);
    expect(lines()).toHaveLength(all.length);
    expect(lines().at(-1)).toMatchObject({ kind, hash });
    expect(typeof lines().at(-1)!['expectation']).toBe('number');
  });
});

describe('descriptors', () => {
  it('leave the files of a shell as they are', async () => {
    const fd = openSync(w.path('log'), 'w');
    closeSync(fd);
    const { code } = await shell(
      'echo first > log; $Q audit pairs.jsonl $M --quiet --format csv --out /dev/stdout >> log',
    );
    expect(code).toBe(0);
    expect(readFileSync(w.path('log'), 'utf8')).toMatch(/^first\ncode,severity/);
  });
});
