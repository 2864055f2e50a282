import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { ownName } from '../../../server/src/files/processes.js';
import { writeWhole } from '../../../server/src/files/write.js';

const folder = mkdtempSync(join(tmpdir(), 'qrm-write-'));
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

it('searches a folder for what killed processes left once, and again a minute later', async () => {
  const part = (name: string, process: string) => {
    const path = join(folder, `.qrm-lens-${name}-${process}.part`);
    writeFileSync(path, 'half');
    return path;
  };
  const write = (text: string) => writeWhole(join(folder, 'out'), (w) => w(text));
  const place = ownName().slice(-6);
  // No process has this number: it is above the kernel's largest.
  const dead = `99999999-1-${place}`;
  const first = part('first', dead);
  const mine = part('mine', ownName());
  const other = join(folder, 'notes.part');
  writeFileSync(other, 'a text');
  await write('one');
  expect(existsSync(first)).toBe(false);
  const second = part('second', dead);
  await write('two');
  expect(existsSync(second)).toBe(true);
  const now = performance.now();
  vi.spyOn(performance, 'now').mockReturnValue(now + 61_000);
  await write('three');
  expect([first, second, mine, other].map((path) => existsSync(path))).toEqual([
    false,
    false,
    true,
    true,
  ]);
  expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('three');
});
