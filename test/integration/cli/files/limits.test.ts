import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Workspace, type Result } from '../helpers.js';

let w: Workspace;
beforeAll(() => {
  w = new Workspace();
  writeFileSync(
    w.path('a.jsonl'),
    `${JSON.stringify({ prompt: 'Q', chosen: 'yes', rejected: 'no' })}\n`,
  );
});
afterAll(() => w.end());

const shell = (script: string): Promise<Result> => w.shell(script);

describe.skipIf(process.platform !== 'linux')('limits and odd places', () => {
  it('few descriptors: the limit is named, the exit code is that of a failure', async () => {
    const { code, stderr } = await shell('ulimit -n 20; $Q audit a.jsonl $M');
    expect(code).toBe(2);
    expect(stderr).toMatch(/too many open files.*ulimit -n/);
    expect(stderr).not.toMatch(/\n\s+at |is not a function/);
  });

  it.each([1_000_000, 4_000_000])('%i kB of addresses: no stack, never exit 1', async (kB) => {
    const { code, stderr } = await shell(`ulimit -v ${kB}; $Q audit a.jsonl $M`);
    expect([0, 2]).toContain(code);
    if (code === 2) expect(stderr).toMatch(/ulimit -v/);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('a working folder that is gone is named; help is given all the same', async () => {
    const gone = 'mkdir gone && cd gone && rmdir ../gone;';
    const { code, stderr } = await shell(`${gone} $Q audit ../a.jsonl $M`);
    expect(code).toBe(2);
    expect(stderr).toContain('the working folder is not there any more');
    expect((await shell(`${gone} $Q --version`)).code).toBe(0);
  });

  it('a file name that is not UTF-8 is told with its bytes, and the others are read', async () => {
    const made = "mkdir -p n && cp a.jsonl $'n/b\\xe9.jsonl' && cp a.jsonl n/ok.jsonl && echo > $'n/\\xe9.png';"; // prettier-ignore
    const folder = await shell(`${made} $Q score n $M --no-store`);
    expect(folder.code).toBe(3);
    expect(folder.stdout).toContain('n/ok.jsonl');
    expect(folder.stderr.match(/not UTF-8 \(b\\xe9\.jsonl\)/g)).toHaveLength(1);
    expect(folder.stderr).not.toContain('png');
    const named = await shell("$Q score $'n/b\\xe9.jsonl' $M");
    expect([named.code, named.stderr]).toEqual([3, expect.stringMatching(/not UTF-8.*rename it/)]);
  });
});
