// Puts a real VS Code (code-server, from the npm registry) and a real browser (Debian's Chromium)
// where the end-to-end tests find them. Idempotent; nothing lands in the project's own tree.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
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
const EDITORS = ['/usr/bin/nvim', '/usr/bin/emacs'];
const PACKAGES = [
  'neovim',
  'emacs-nox',
  'elpa-eglot',
  'chromium',
  'ripgrep',
  'libkrb5-dev',
  'libsecret-1-dev',
  'pkg-config',
  'build-essential',
  'python3',
];

const cache = resolve(process.env.QRM_LENS_E2E_CACHE ?? join(homedir(), '.cache', 'qrm-lens-e2e'));
const name = `code-server-${CODE_SERVER}`;
const root = join(cache, name);
const topOf = (folder) => join(folder, 'node_modules', 'code-server');
const vscodeOf = (folder) => join(topOf(folder), 'lib', 'vscode');

export function run(command, args, cwd, env = {}) {
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

function has(command, args, cwd) {
  try {
    execFileSync(command, args, { stdio: 'ignore', cwd });
    return true;
  } catch {
    return false;
  }
}

function installSystemPackages() {
  const editors = EDITORS.every((path) => existsSync(path));
  const libraries = has('pkg-config', ['--exists', 'krb5', 'libsecret-1']);
  if (first(CHROMIUM) && first(RIPGREP) && libraries && editors) return;
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

/** Modules that do not load here: npm says "rebuilt" also when it ran no script, and Node may be another since. */
function missing(folder) {
  const loads = (from, module) => has(process.execPath, ['-e', `require('${module}')`], from);
  if (!existsSync(vscodeOf(folder))) return [name];
  return [
    ...NATIVE.filter((module) => !loads(vscodeOf(folder), module)),
    ...(loads(topOf(folder), 'argon2') ? [] : ['argon2']),
  ];
}

/** npm runs scripts of these alone; `npm run` hands our own `ignore-scripts` down, so it is said again. */
function rebuild(folder, modules, quiet) {
  const file = join(folder, 'package.json');
  const allowScripts = Object.fromEntries(modules.map((module) => [module, true]));
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file)), allowScripts }, null, 2));
  run('npm', ['rebuild', ...modules, '--ignore-scripts=false', ...quiet], folder, {
    npm_config_yes: 'true',
  });
}

/** Drafts of runs that were killed. */
function removeDrafts() {
  for (const entry of readdirSync(cache)) {
    const pid = Number(entry.startsWith(`${name}.`) ? entry.slice(name.length + 1) : NaN);
    if (!Number.isSafeInteger(pid) || has('kill', ['-0', String(pid)])) continue;
    rmSync(join(cache, entry), { recursive: true, force: true });
  }
}

/** Made beside its place and moved there when it is whole: a second run finds all of it or nothing. */
function installCodeServer() {
  if (missing(root).length === 0) return;
  mkdirSync(cache, { recursive: true });
  removeDrafts();
  const draft = `${root}.${process.pid}`;
  mkdirSync(draft);
  const vscode = vscodeOf(draft);
  try {
    writeFileSync(join(draft, 'package.json'), '{ "private": true }\n');
    const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
    run('npm', ['install', `code-server@${CODE_SERVER}`, '--ignore-scripts', ...quiet], draft);
    for (const folder of [vscode, join(vscode, 'extensions')]) {
      run('npm', ['install', '--omit=dev', '--ignore-scripts', ...quiet], folder);
    }
    rebuild(vscode, NATIVE, quiet);
    rebuild(draft, ['argon2'], quiet);
    symlinkSync('node_modules', join(vscode, 'node_modules.asar'));
    const bin = join(vscode, 'node_modules', '@vscode', 'ripgrep', 'bin');
    mkdirSync(bin, { recursive: true });
    rmSync(join(bin, 'rg'), { force: true });
    symlinkSync(first(RIPGREP), join(bin, 'rg'));
    const broken = missing(draft);
    if (broken.length > 0)
      throw new SetupError(`npm rebuild made nothing that loads of: ${broken.join(', ')}`);
    rmSync(root, { recursive: true, force: true });
    renameSync(draft, root);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Returns the paths that the tests start: code-server's entry script and the browser. */
export function setup() {
  installSystemPackages();
  installCodeServer();
  return { entry: join(topOf(root), 'out', 'node', 'entry.js'), chromium: first(CHROMIUM) };
}

/** Runs `body`; what is missing on this machine is one line and exit code 2, not a stack. */
export async function said(body) {
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    process.exit(2);
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  console.log(await said(setup));
