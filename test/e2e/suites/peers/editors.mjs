// The language server in editors that are not VS Code: Debian's Neovim and Emacs, without a screen.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TINY, harmlessLines, makeFolder, root } from '../../data.mjs';

const execute = promisify(execFile);

export default async function ({ test, defer }) {
  const work = mkdtempSync(join(tmpdir(), 'qrm-lens-editors-'));
  defer(() => rmSync(work, { recursive: true, force: true }));
  const folder = makeFolder(work, 'data', {
    'pairs.jsonl': `${harmlessLines().slice(0, 20).join('\n')}\n`,
  });
  const env = {
    ...process.env,
    HOME: work,
    XDG_CACHE_HOME: join(work, 'cache'),
    QRM_NODE: process.execPath,
    QRM_CLI: join(root, 'dist', 'cli.js'),
    QRM_FILE: join(folder, 'pairs.jsonl'),
    QRM_MODEL: TINY['qrmLens.model.path'],
  };
  const scripts = join(root, 'test', 'e2e', 'editors');
  const result = async (command, args) => {
    const { stdout, stderr } = await execute(command, args, { env, cwd: folder, timeout: 300_000 });
    const line = `${stdout}\n${stderr}`.split('\n').find((l) => l.startsWith('RESULT '));
    assert.ok(line, `${command} said: ${stdout}${stderr}`);
    return JSON.parse(line.slice('RESULT '.length));
  };
  await test('Neovim: findings, a hover in block characters, lenses, commands', async () => {
    const script = join(scripts, 'neovim.lua');
    const got = await result('nvim', ['--headless', '-u', 'NONE', '-S', script]);
    assert.ok(got.findings > 0, JSON.stringify(got));
    assert.match(got.hover, /[▁▂▃▄▅▆▇█]{5}/);
    assert.doesNotMatch(got.hover, /data:image/);
    assert.match(got.lens, /^margin .+ P\(chosen beats rejected\)/);
    assert.equal(got.levels, 5);
  });

  await test('Emacs with eglot: findings and a hover in block characters', async () => {
    const packages = ['--eval', '(package-initialize)'];
    const got = await result('emacs', ['--batch', ...packages, '-l', join(scripts, 'emacs.el')]);
    assert.ok(got.findings > 0, JSON.stringify(got));
    assert.match(got.hover, /[▁▂▃▄▅▆▇█]{5}/);
  });
}
