import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { expect, it } from 'vitest';
import { ruleFiles } from '../../../scripts/folders.mjs';
import { CODES, RULES } from '../../../server/src/audit/index.js';

const ROOT = join(import.meta.dirname, '../../..');

it('package.json has what follows from the rules', () => {
  // Exits with 1 and the files' names where one is not as the rules say.
  execFileSync(process.execPath, ['scripts/generate.mjs', '--check'], { cwd: ROOT, stdio: 'pipe' });
});

it('every file of the rooms of audit/rules is a rule, named by its code, with a place of its own in the order', () => {
  expect(RULES.map(({ code }) => code).sort()).toEqual(
    ruleFiles()
      .map((path) => posix.basename(path))
      .sort(),
  );
  const orders = RULES.map(({ order }) => order);
  expect(orders).toEqual([...new Set(orders)].sort((a, b) => a - b));
  expect(CODES.filter((code) => code !== 'malformed-row')).toEqual(RULES.map(({ code }) => code));
});

it('every code has its line and its section in the docs, where the findings link to', () => {
  const docs = readFileSync(join(ROOT, 'docs/findings.md'), 'utf8');
  const sections = [...docs.matchAll(/^## `?([a-z-]+)`?$/gm)].map((m) => m[1]);
  expect(sections).toEqual(expect.arrayContaining([...CODES]));
  const lines = [...docs.matchAll(/^\| \[`([a-z-]+)`\]\(#\1\)/gm)].map((m) => m[1]);
  expect(lines.sort()).toEqual([...CODES].sort());
});
