// The npm packages that the bundles load at run time, because they hold native code, and which of
// their files one platform needs.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';

/**
 * Platforms that onnxruntime-node and lmdb both have prebuilt code for. Alpine is not among them: ONNX
 * Runtime is linked to glibc; nor is macOS on x64, dropped by onnxruntime-node.
 */
export const TARGETS = {
  'linux-x64': { os: 'linux', cpu: 'x64' },
  'linux-arm64': { os: 'linux', cpu: 'arm64' },
  'darwin-arm64': { os: 'darwin', cpu: 'arm64' },
  'win32-x64': { os: 'win32', cpu: 'x64' },
  'win32-arm64': { os: 'win32', cpu: 'arm64' },
};

/** Packages in plain JavaScript that the native ones import. msgpackr's native part is optional: left out. */
const SCRIPTS = [
  'onnxruntime-common',
  'lmdb',
  'msgpackr',
  'ordered-binary',
  'weak-lru-cache',
  '@harperfast/extended-iterable',
  'node-gyp-build-optional-packages',
  'detect-libc',
];
const LEGAL = /^(licen[cs]e|notice|thirdpartynotices)(\.|$)/i;
const NOT_LOADED =
  /^(src|test|tests|dependencies|bin|script|assets|benchmark)$|^(rollup\.config|test-worker|build-test)\.js$/;

/** Copies the files of `from` that `wanted(path, name)` accepts; paths are relative, with slashes. */
function copy(from, to, wanted) {
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = relative(from, join(entry.parentPath ?? entry.path, entry.name)).replaceAll(
      '\\',
      '/',
    );
    if (!wanted(path, entry.name)) continue;
    mkdirSync(dirname(join(to, path)), { recursive: true });
    cpSync(join(from, path), join(to, path));
  }
}

function isScript(path, name) {
  const parts = path.split('/');
  if (NOT_LOADED.test(parts[0])) return false;
  return (
    /\.(c|m)?js$/.test(name) || name === 'package.json' || name === 'dict.txt' || LEGAL.test(name)
  );
}

/** What onnxruntime's folder of one platform needs: the CUDA and TensorRT providers are the user's to install. */
function isRuntimeLibrary(name, target) {
  if (/providers_(cuda|tensorrt)/.test(name)) return false;
  // The same library lies there under two names; the binding links to the short one.
  if (target.os === 'darwin' && /^libonnxruntime\.\d+\.\d+/.test(name)) return false;
  return true;
}

/** The folder of a package that npm leaves out on this platform, from the registry, kept in the user's cache. */
export function fromRegistry(name, version) {
  const cache = join(
    homedir(),
    '.cache',
    'qrm-lens-package',
    `${name.replaceAll('/', '-')}-${version}`,
  );
  const folder = join(cache, 'package');
  if (!existsSync(folder)) {
    rmSync(cache, { recursive: true, force: true });
    mkdirSync(cache, { recursive: true });
    const options = { cwd: cache, encoding: 'utf8', shell: process.platform === 'win32' };
    const file = execFileSync('npm', ['pack', '--silent', `${name}@${version}`], options).trim();
    execFileSync('tar', ['-xzf', file], { cwd: cache });
  }
  return folder;
}

/** Copies the run-time packages for one target into `to`, a node_modules folder. */
export function stageNatives(modules, to, target) {
  for (const name of SCRIPTS) copy(join(modules, name), join(to, name), isScript);
  const runtime = join(modules, 'onnxruntime-node');
  const place = new RegExp(`^bin/napi-v\\d+/${target.os}/${target.cpu}/[^/]+$`);
  copy(runtime, join(to, 'onnxruntime-node'), (path, name) =>
    path.startsWith('bin/')
      ? place.test(path) && isRuntimeLibrary(name, target)
      : isScript(path, name),
  );
  if (!existsSync(join(to, 'onnxruntime-node', 'bin'))) {
    throw new Error(`onnxruntime-node has no native code for ${target.os}-${target.cpu}`);
  }
  const name = `@lmdb/lmdb-${target.os}-${target.cpu}`;
  const lmdb = JSON.parse(readFileSync(join(modules, 'lmdb', 'package.json'), 'utf8'));
  const installed = join(modules, name);
  const from = existsSync(installed)
    ? installed
    : fromRegistry(name, lmdb.optionalDependencies[name]);
  // Node-API alone runs on every Node and Electron that a VS Code host has; the builds per ABI do not.
  copy(
    from,
    join(to, name),
    (_path, file) => /^node\.napi(\.glibc)?\.node$/.test(file) || isScript(file, file),
  );
  if (!readdirSync(join(to, name)).some((file) => file.endsWith('.node'))) {
    throw new Error(`${name} has no Node-API build`);
  }
}
