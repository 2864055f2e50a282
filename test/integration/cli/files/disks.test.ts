import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hhLines, Workspace, type Result } from '../helpers.js';

/** Real disks that are full, closed or somebody else's. Mounts and other users need the superuser. */
const able = process.platform === 'linux' && process.getuid?.() === 0 && mounts();
function mounts(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt'], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

let w: Workspace;
let undisturbed: string;
beforeAll(async () => {
  w = new Workspace();
  chmodSync(w.folder, 0o755);
  writeFileSync(w.path('pairs.jsonl'), hhLines(0, 30).join('\n'));
  // Converts the model, once.
  undisturbed = (await shell('$Q score pairs.jsonl $M --quiet --no-store')).stdout;
});
afterAll(() => w.end());

/** A script in a mount table of its own: what it mounts ends with it. */
const shell = (script: string): Promise<Result> =>
  w.shell(script, able ? ['unshare', '--mount'] : []);

/** Warned once, without a stack, and the scores are those of any run. */
function expectWithoutStore({ code, stdout, stderr }: Result): void {
  expect([code, stdout]).toEqual([0, undisturbed]);
  expect(stderr.match(/No score store|no longer kept/g)).toHaveLength(1);
  expect(stderr).not.toMatch(/\n\s+at |damaged/);
}

describe.skipIf(!able)('a cache', () => {
  const other = (size: string) =>
    `mkdir -p c && mount -t tmpfs -o size=${size} none c && cp -r models c/ && export QRM_LENS_CACHE=$PWD/c`;

  it('on a disk that may only be read does too', async () => {
    expectWithoutStore(
      await shell(`${other('64m')} && mount -o remount,ro c && $Q score pairs.jsonl $M`),
    );
  });

  it('on a disk that something else fills meanwhile is gone on without, and keeps what it had', async () => {
    const child = join(import.meta.dirname, '../../../unit/store/full.mjs');
    for (let n = 0; n < 4; n++) {
      const { code, stdout, stderr } = await shell(
        `mkdir -p s && mount -t tmpfs -o size=1200k none s && ${process.execPath} ${child} . s/c`,
      );
      const [told, ...rest] = stdout.trim().split('\n');
      expect([code, rest], stderr).toEqual([0, ['ended, 20 kept']]);
      expect(told).toMatch(
        /^Scores are no longer kept: .*: (?:no space left|the disk is full|i\/o error|a transaction)/,
      );
    }
  });

  it('of another user does too, and a whole store that is closed stays where it is', async () => {
    const kept = await shell(
      `rm -rf theirs; mkdir theirs; cp -r models theirs/; export QRM_LENS_CACHE=$PWD/theirs; $Q score pairs.jsonl $M --quiet`,
    );
    expect(kept.code).toBe(0);
    const store = join(w.path('theirs'), 'scores-v1.mdb');
    const before = readFileSync(store);
    chmodSync(store, 0o000);
    const run = 'setpriv --reuid=65534 --regid=65534 --clear-groups';
    expectWithoutStore(
      await shell(`export QRM_LENS_CACHE=$PWD/theirs; ${run} $Q score pairs.jsonl $M`),
    );
    expect(readFileSync(store).equals(before)).toBe(true);
    expect(readdirSync(w.path('theirs')).filter((name) => name.includes('damaged'))).toEqual([]);
  });
});

describe.skipIf(!able)('an output', () => {
  it('on a disk that fills is refused with its name, and what was there stays', async () => {
    const { code, stderr, stdout } = await shell(
      'mkdir -p o && mount -t tmpfs -o size=16k none o && echo old > o/r.json && $Q audit pairs.jsonl $M --quiet --format json --top 60 --tail-threshold 1000 --out o/r.json; rc=$?; cat o/r.json; ls -A o; exit $rc',
    );
    expect([code, stdout]).toEqual([2, 'old\nr.json\n']);
    expect(stderr).toBe('qrm: o/r.json: no space left on device\n');
  });
});

describe.skipIf(process.platform === 'win32')('few descriptors', () => {
  it('end a run in good order, or cost nothing', async () => {
    for (const n of [24, 32, 48]) {
      const { code, stdout, stderr } = await shell(`ulimit -n ${n}; $Q score pairs.jsonl $M`);
      expect(stderr).not.toMatch(/\n\s+at /);
      if (code === 0) expect(stdout).toBe(undisturbed);
      else expect(stderr).toMatch(/qrm: |EMFILE|too many open files/);
    }
  });
});
