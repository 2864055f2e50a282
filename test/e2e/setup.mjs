// Puts a real VS Code (code-server, from the npm registry) and a real browser (Debian's Chromium)
// where the end-to-end tests find them. Idempotent; nothing lands in the project's own tree.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** 4.100.0 holds VS Code 1.100.0, the oldest that `engines.vscode` allows, and runs on Node 20. */
const CODE_SERVER = '4.100.0';
/** The native modules that the workbench's server loads; the rest of the install scripts are not run. */
const NATIVE = [
  'native-watchdog',
  '@vscode/spdlog',
  'node-pty',
  'kerberos',
  '@parcel/watcher',
  '@vscode/deviceid',
];
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const RIPGREP = ['/usr/bin/rg', '/usr/local/bin/rg'];
const PACKAGES = [
  'chromium',
  'ripgrep',
  'libkrb5-dev',
  'libsecret-1-dev',
  'pkg-config',
  'build-essential',
  'python3',
];

const cache = resolve(process.env.QRM_LENS_E2E_CACHE ?? join(homedir(), '.cache', 'qrm-lens-e2e'));
const root = join(cache, `code-server-${CODE_SERVER}`);
const top = join(root, 'node_modules', 'code-server');
const vscode = join(top, 'lib', 'vscode');
const done = join(root, '.ready');

function run(command, args, cwd, env = {}) {
  const line = `${command} ${args.join(' ')}`;
  console.log(`$ ${line}`);
  const { error, signal, status } = spawnSync(command, args, {
    cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  if (error) throw new SetupError(`${line}: ${error.message}`);
  if (status !== 0) throw new SetupError(`${line} failed (${signal ?? `exit code ${status}`})`);
}

/** What is missing on this machine; said in one line. */
export class SetupError extends Error {}

/** Another apt (unattended upgrades, a second run) holds the lock for minutes at most. */
const APT = ['-o', 'DPkg::Lock::Timeout=600'];

const first = (paths) => paths.find((path) => existsSync(path));

function has(command, args) {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function installSystemPackages() {
  if (first(CHROMIUM) && first(RIPGREP) && has('pkg-config', ['--exists', 'krb5', 'libsecret-1']))
    return;
  if (process.getuid?.() !== 0) {
    throw new SetupError(
      `The end-to-end tests need these Debian packages: apt-get install ${PACKAGES.join(' ')}`,
    );
  }
  run('apt-get', [...APT, 'update']);
  run('apt-get', [...APT, 'install', '-y', '--no-install-recommends', ...PACKAGES], undefined, {
    DEBIAN_FRONTEND: 'noninteractive',
  });
}

function installCodeServer() {
  if (existsSync(done)) return;
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'package.json'), '{ "private": true }\n');
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  run('npm', ['install', `code-server@${CODE_SERVER}`, '--ignore-scripts', ...quiet], root);
  for (const folder of [vscode, join(vscode, 'extensions')]) {
    run('npm', ['install', '--omit=dev', '--ignore-scripts', ...quiet], folder);
  }
  run('npm', ['rebuild', ...NATIVE, ...quiet], vscode, { npm_config_yes: 'true' });
  symlinkSync('node_modules', join(vscode, 'node_modules.asar'));
  run('npm', ['rebuild', 'argon2', ...quiet], root);
  const bin = join(vscode, 'node_modules', '@vscode', 'ripgrep', 'bin');
  mkdirSync(bin, { recursive: true });
  rmSync(join(bin, 'rg'), { force: true });
  symlinkSync(first(RIPGREP), join(bin, 'rg'));
  writeFileSync(done, `${new Date().toISOString()}\n`);
}

/** Returns the paths that the tests start: code-server's entry script and the browser. */
export function setup() {
  installSystemPackages();
  installCodeServer();
  return { entry: join(top, 'out', 'node', 'entry.js'), chromium: first(CHROMIUM) };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  console.log(setup());
