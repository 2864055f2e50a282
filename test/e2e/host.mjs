// Starts code-server, a real VS Code server, with profile and extensions folders of its own, and the browser.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

/** What a quiet workbench needs, so that a screenshot holds nothing but the extension's own work. */
const QUIET = {
  'chat.commandCenter.enabled': false,
  'editor.minimap.enabled': false,
  'editor.unicodeHighlight.ambiguousCharacters': false,
  'editor.wordWrap': 'on',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'files.autoSave': 'off',
  'git.enabled': false,
  'git.openRepositoryInParentFolders': 'never',
  'security.workspace.trust.banner': 'never',
  'security.workspace.trust.startupPrompt': 'never',
  'telemetry.telemetryLevel': 'off',
  'window.menuBarVisibility': 'compact',
  'workbench.colorTheme': 'Default Dark Modern',
  'workbench.enableExperiments': false,
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
};

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function answers(url, child, log) {
  for (let attempt = 0; attempt < 240; attempt += 1) {
    if (child.exitCode !== null)
      throw new Error(`code-server ended with ${child.exitCode}:\n${log()}`);
    try {
      if ((await fetch(`${url}/healthz`)).ok) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`code-server did not answer at ${url}:\n${log()}`);
}

/**
 * One code-server with an empty profile. `trust` keeps VS Code's workspace trust on (a new folder is then
 * untrusted); `settings` are user settings on top of the quiet ones, `env` variables on top of ours.
 */
export async function startHost({ entry, vsix, trust = false, settings = {}, env: more = {} }) {
  const home = mkdtempSync(join(tmpdir(), 'qrm-lens-e2e-'));
  const [data, extensions, cache] = ['data', 'extensions', 'cache'].map((name) => join(home, name));
  mkdirSync(join(data, 'User'), { recursive: true });
  mkdirSync(cache, { recursive: true });
  writeFileSync(
    join(data, 'User', 'settings.json'),
    JSON.stringify({ ...QUIET, ...settings }, null, 2),
  );
  // A store and caches of its own: a run must not see what another one scored.
  const env = {
    ...process.env,
    XDG_CACHE_HOME: cache,
    XDG_DATA_HOME: join(home, 'share'),
    ...more,
  };
  delete env.VSCODE_IPC_HOOK_CLI;
  const folders = ['--user-data-dir', data, '--extensions-dir', extensions];
  if (vsix) {
    execFileSync(process.execPath, [entry, ...folders, '--install-extension', vsix], {
      env,
      stdio: 'pipe',
    });
  }
  const port = await freePort();
  const quiet = [
    '--auth',
    'none',
    '--disable-telemetry',
    '--disable-update-check',
    '--disable-getting-started-override',
  ];
  if (!trust) quiet.push('--disable-workspace-trust');
  const child = spawn(
    process.execPath,
    [entry, ...quiet, '--bind-addr', `127.0.0.1:${port}`, ...folders],
    {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (output += chunk));
  const url = `http://127.0.0.1:${port}`;
  await answers(url, child, () => output);
  return {
    url,
    home,
    data,
    extensions,
    cache,
    pid: child.pid,
    log: () => output,
    async stop() {
      // code-server starts its children in its own process group: the group is ended, and nothing else.
      const ended = new Promise((resolve) => child.once('exit', resolve));
      try {
        process.kill(-child.pid, 'SIGTERM');
      } catch {
        // Gone already.
      }
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 5000))]);
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // Gone already.
      }
      rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

export function startBrowser(executablePath) {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
