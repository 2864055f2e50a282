// Bundles every entry point that exists. Native packages stay external: they are resolved from
// node_modules (or from the VSIX) at run time.
import { build, context } from 'esbuild';
import { cpSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { whatFoldersHold } from './scripts/folders.mjs';

const watch = process.argv.includes('--watch');
// `--if-missing` leaves a build that is there alone (npm run qrm, npm run demo).
if (process.argv.includes('--if-missing') && existsSync('dist/cli.js')) process.exit(0);
const production = process.argv.includes('--production');
// `--only cli,server` builds some bundles and leaves the others as they are.
const at = process.argv.indexOf('--only');
const only = at < 0 ? undefined : process.argv[at + 1]?.split(',');
// `--outdir DIR` leaves dist alone (packaging).
const to = process.argv.indexOf('--outdir');
const outdir = to < 0 ? 'dist' : process.argv[to + 1];
// `--metafile FILE` says which files went into the bundles (third-party notices).
const meta = process.argv.indexOf('--metafile');
const inputs = new Set();
const external = ['vscode', 'onnxruntime-node', 'lmdb'];
const common = {
  bundle: true,
  sourcemap: !production,
  minify: production,
  logLevel: 'warning',
  define: { 'process.env.NODE_ENV': '"production"' },
  plugins: [whatFoldersHold],
};
// ESM bundles of CommonJS dependencies need a `require`.
const banner = {
  js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
};
const node = (name, entry) => ({
  ...common,
  entryPoints: [entry],
  outfile: `${outdir}/${name}.js`,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  external,
  banner,
});

const bundles = {
  cli: node('cli', 'server/src/cli/main.ts'),
  http: node('http', 'server/src/http/index.ts'),
  mcp: node('mcp', 'server/src/mcp/index.ts'),
  server: node('server', 'server/src/lsp/main.ts'),
  worker: node('worker', 'server/src/engine/process/worker.ts'),
  convert: node('convert', 'server/src/model/int8/part-worker.ts'),
  reader: node('reader', 'server/src/session/known/main.ts'),
  bench: node('bench', 'test/bench/main.ts'),
  soak: node('soak', 'test/soak/main.ts'),
  fuzz: node('fuzz', 'test/fuzz/main.ts'),
  kill: node('kill', 'test/kill/main.ts'),
  jury: node('jury', 'test/experiments/jury.ts'),
  gpu: node('gpu', 'test/gpu/main.ts'),
  'backbone-data': node('backbone-data', 'models/backbone/export.ts'),
  client: {
    ...common,
    entryPoints: ['client/src/extension.ts'],
    outfile: `${outdir}/client.cjs`,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external,
  },
  webview: {
    ...common,
    entryPoints: ['webview/src/main.ts'],
    outfile: `${outdir}/webview.js`,
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
  },
};

if (!watch && only === undefined) rmSync(outdir, { recursive: true, force: true });
for (const [name, options] of Object.entries(bundles)) {
  if (!existsSync(options.entryPoints[0]) || (only && !only.includes(name))) continue;
  if (watch) await (await context(options)).watch();
  else {
    const { metafile } = await build({ ...options, metafile: true });
    for (const input of Object.keys(metafile.inputs)) inputs.add(input);
  }
}
if (meta >= 0) writeFileSync(process.argv[meta + 1], JSON.stringify([...inputs]));
// Our own kernels lie beside the worker that loads them.
cpSync('server/native/prebuilt', `${outdir}/native`, { recursive: true });
