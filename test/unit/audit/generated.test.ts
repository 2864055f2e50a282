import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CODES } from '../../../server/src/audit/index.js';

const ROOT = join(import.meta.dirname, '../../..');

it('what follows from the rules is made anew: list, codes, settings', () => {
  // Exits with 1 and the files' names where one is not as the rules say.
  execFileSync(process.execPath, ['scripts/generate.mjs', '--check'], { cwd: ROOT, stdio: 'pipe' });
});

it('every code has its section in the docs, where the findings link to', () => {
  const docs = readFileSync(join(ROOT, 'docs/findings.md'), 'utf8');
  const sections = [...docs.matchAll(/^## `?([a-z-]+)`?$/gm)].map((m) => m[1]);
  expect(sections).toEqual(expect.arrayContaining([...CODES]));
});
