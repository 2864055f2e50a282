// npm run package [-- --target linux-x64] [--out FILE] [--all] [--check]: a VSIX with one platform's native files;
// --check only says whether it would hold all that its programs import.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import { createVSIX } from '@vscode/vsce';
import { TARGETS, stageNatives } from './natives.mjs';
import { thirdPartyNotices } from './notices.mjs';
import { packageProblems } from './check.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const MB = 1e6;
/**
 * Compressed, without models/: ONNX Runtime is 17 MB on Linux and macOS and up to 31 MB on Windows,
 * which has DirectML and the shader compiler with it; the code and lmdb are about 5 MB, pictures 2 MB. More than
 * this means that a second platform, a source map or a GPU provider slipped in.
 */
const CODE_BUDGET = { 'win32-x64': 38 * MB, 'win32-arm64': 38 * MB, default: 25 * MB };
/** Compressed. A bundle that keeps all of the Q4_1 backbone's codes is 95 MB; ours has fewer layers. */
const MODEL_BUDGET = 100 * MB;
// The doctor runs the command line: the providers are probed in a process of their own.
const BUNDLES = [
  'client',
  'server',
  'worker',
  'convert',
  'reader',
  'webview',
  'cli',
  'http',
  'mcp',
];
/** Fields of package.json that only development and npm read. */
const DEVELOPMENT = [
  'private',
  'bin',
  'scripts',
  'dependencies',
  'devDependencies',
  'allowScripts',
  'files',
];

/** What a folder's files take in the VSIX, deflated one by one. */
function sizeOf(folder) {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => {
      const bytes = readFileSync(join(entry.parentPath ?? entry.path, entry.name));
      return sum + deflateRawSync(bytes).length;
    }, 0);
}

/**
 * The Extensions view and the Marketplace open no file of an extension, and there is no address of the repository
 * that links could lead to: of a link to a file its words stay.
 */
const withoutFileLinks = (text) =>
  text.replace(/(?<!!)\[([^\]]+)\]\((?![a-z]+:|#)[^)\s]+\)/g, '$1');

/** Lays the extension out in a folder of its own, so that dist/ and node_modules/ stay as they are. */
function stage(folder, target) {
  const dist = join(folder, 'dist');
  const inputs = join(folder, 'inputs.json');
  const build = [
    'esbuild.mjs',
    '--production',
    '--only',
    BUNDLES.join(','),
    '--outdir',
    dist,
    '--metafile',
    inputs,
  ];
  execFileSync(process.execPath, build, { cwd: root, stdio: 'inherit' });
  for (const file of [
    'client.cjs',
    'server.js',
    'worker.js',
    'convert.js',
    'reader.js',
    'webview.js',
    'cli.js',
    'http.js',
    'mcp.js',
  ]) {
    if (!existsSync(join(dist, file))) throw new Error(`esbuild.mjs built no ${file}`);
  }
  stageNatives(join(root, 'node_modules'), join(dist, 'node_modules'), target);
  // Our own kernels, where they are built for the platform: the engine does without elsewhere.
  for (const kernels of readdirSync(join(dist, 'native'))) {
    if (kernels !== `${target.os}-${target.cpu}.node`) rmSync(join(dist, 'native', kernels));
  }
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const field of DEVELOPMENT) delete manifest[field];
  manifest.engines = { vscode: manifest.engines.vscode };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  const bundled = JSON.parse(readFileSync(inputs, 'utf8'));
  rmSync(inputs);
  writeFileSync(
    join(folder, 'ThirdPartyNotices.txt'),
    thirdPartyNotices(root, bundled, join(dist, 'node_modules'), target),
  );
  for (const path of [
    'LICENSE',
    '.vscodeignore',
    'client',
    'docs/findings.md',
    'docs/images',
    'scale',
    'models/default',
  ]) {
    if (!existsSync(join(root, path))) console.warn(`${path} is missing`);
    else cpSync(join(root, path), join(folder, path), { recursive: true });
  }
  // The repository's README is for those who build it.
  for (const [from, to] of [
    ['client/README.md', 'README.md'],
    ['CHANGELOG.md', 'CHANGELOG.md'],
  ])
    writeFileSync(join(folder, to), withoutFileLinks(readFileSync(join(root, from), 'utf8')));
  return manifest;
}

async function packageFor(name, out) {
  const target = TARGETS[name];
  if (!target) throw new Error(`no VSIX for ${name}; targets: ${Object.keys(TARGETS).join(', ')}`);
  const folder = mkdtempSync(join(tmpdir(), 'qrm-lens-package-'));
  try {
    const manifest = stage(folder, target);
    const { problems, libraries, modules, runtimes } = await packageProblems(folder, target);
    if (problems.length > 0)
      throw new Error(`${name} lacks what it imports:\n${problems.join('\n')}`);
    if (process.argv.includes('--check')) {
      const more =
        runtimes.length > 0 ? `, but Microsoft's Visual C++ runtime (${runtimes.join(', ')})` : '';
      console.log(
        `${name}: ${libraries} native libraries and ${modules.join(', ')}: nothing is missing${more}`,
      );
      return;
    }
    const file = resolve(
      out ?? join(root, 'out', `${manifest.name}-${name}-${manifest.version}.vsix`),
    );
    mkdirSync(dirname(file), { recursive: true });
    await createVSIX({
      cwd: folder,
      packagePath: file,
      target: name,
      dependencies: false,
      allowMissingRepository: true,
      rewriteRelativeLinks: false,
    });
    const [size, model] = [statSync(file).size, sizeOf(join(folder, 'models'))];
    const code = Math.max(0, size - model);
    const limit = CODE_BUDGET[name] ?? CODE_BUDGET.default;
    const mb = (bytes) => (bytes / MB).toFixed(1);
    console.log(
      `${file}: ${mb(size)} MB; model ${mb(model)} of ${mb(MODEL_BUDGET)} MB, all else ${mb(code)} of ${mb(limit)} MB`,
    );
    if (code > limit || model > MODEL_BUDGET) throw new Error(`${name} is above its size budget`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const option = (flag) => {
  const at = process.argv.indexOf(flag);
  return at < 0 ? undefined : process.argv[at + 1];
};
const targets = process.argv.includes('--all')
  ? Object.keys(TARGETS)
  : [option('--target') ?? `${process.platform}-${process.arch}`];
try {
  for (const target of targets)
    await packageFor(target, targets.length === 1 ? option('--out') : undefined);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
