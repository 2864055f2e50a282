import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MODEL, root } from '../lsp/editor/client.js';
import { hhLines } from '../lsp/editor/hh.js';

const folder = mkdtempSync(join(tmpdir(), 'qrm-hooks-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, 'good pairs.jsonl'), hhLines(6, 600).join('\n'));
writeFileSync(join(folder, 'bad.jsonl'), [...hhLines(6, 600), '{"chosen": '].join('\n'));

const env = { ...process.env, QRM_LENS_CACHE: join(folder, 'cache') };
/** The value of a key of one line, as the files write it. */
const valueOf = (file: string, key: string): string =>
  new RegExp(`^ *${key}: (.*)$`, 'm').exec(readFileSync(join(root, file), 'utf8'))?.[1] ?? '';

describe('the pre-commit hook', () => {
  const entry = join(root, valueOf('.pre-commit-hooks.yaml', 'entry'));
  const args = valueOf('.pre-commit-hooks.yaml', 'args')
    .replace(/[[\]\s]/g, '')
    .split(',');
  const hook = (file: string) =>
    spawnSync(entry, [...args, '--model', MODEL, file], { cwd: folder, env, encoding: 'utf8' });

  it('passes a file that is read, and stops one with a malformed row', () => {
    const [good, bad] = [hook('good pairs.jsonl'), hook('bad.jsonl')];
    expect([good.status, good.stderr]).toEqual([0, '']);
    expect(bad.status).toBe(1);
    expect(bad.stdout).toContain('bad.jsonl');
  });

  it('is asked of the files that it can read', () => {
    const files = new RegExp(valueOf('.pre-commit-hooks.yaml', 'files'));
    expect(['a.jsonl', 'b.csv', 'c.jsonl.gz'].every((name) => files.test(name))).toBe(true);
    expect(files.test('README.md')).toBe(false);
  });
});

describe('the GitHub Action', () => {
  it('writes SARIF, names it, and ends with the exit code of the audit', () => {
    const text = readFileSync(join(root, 'action.yml'), 'utf8');
    const script = text.slice(text.indexOf('run: |\n') + 7).replace(/^ {8}/gm, '');
    const run = (files: string, failOn: string) =>
      spawnSync('bash', ['-e', '-o', 'pipefail', '-c', script], {
        cwd: folder,
        encoding: 'utf8',
        env: {
          ...env,
          FILES: files,
          FAIL_ON: failOn,
          MODEL,
          SARIF: 'qrm.sarif',
          ACTION: root,
          GITHUB_OUTPUT: join(folder, 'output'),
        },
      });
    expect(run('bad.jsonl', 'malformed-row').status).toBe(1);
    expect(readFileSync(join(folder, 'output'), 'utf8')).toBe('sarif=qrm.sarif\n');
    const sarif = JSON.parse(readFileSync(join(folder, 'qrm.sarif'), 'utf8')) as {
      version: string;
    };
    expect(sarif.version).toBe('2.1.0');
    // What an input holds is a name, not a command.
    expect(run('bad.jsonl $(touch${IFS}ran)', '').status).not.toBe(0);
    expect(() => readFileSync(join(folder, 'ran'))).toThrow();
  });
});
