// Bundles every entry point that exists. Native packages stay external: they are resolved from
// node_modules (or from the VSIX) at run time.
import { build, context } from 'esbuild';
import { existsSync, rmSync } from 'node:fs';

const watch = process.argv.includes('--watch');
const production = process.argv.includes('--production');
const external = ['vscode', 'onnxruntime-node', 'lmdb'];
const common = {
  bundle: true,
  sourcemap: !production,
  minify: production,
  logLevel: 'warning',
  target: 'node20',
  define: { 'process.env.NODE_ENV': '"production"' },
};
// ESM bundles of CommonJS dependencies need a `require`.
const banner = {
  js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
};
const node = (entry, name) => ({
  ...common,
  entryPoints: [entry],
  outfile: `dist/${name}.js`,
  platform: 'node',
  format: 'esm',
  external,
  banner,
});

const bundles = [
  node('server/src/cli/main.ts', 'cli'),
  node('server/src/lsp/main.ts', 'server'),
  node('server/src/engine/worker.ts', 'worker'),
  node('server/src/training/build-model.ts', 'build-model'),
  node('test/bench/main.ts', 'bench'),
  {
    ...common,
    entryPoints: ['client/src/extension.ts'],
    outfile: 'dist/client.cjs',
    platform: 'node',
    format: 'cjs',
    external,
  },
  {
    ...common,
    entryPoints: ['webview/src/main.ts'],
    outfile: 'dist/webview.js',
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
  },
].filter((b) => existsSync(b.entryPoints[0]));

if (!watch) rmSync('dist', { recursive: true, force: true });
for (const options of bundles) {
  if (watch) await (await context(options)).watch();
  else await build(options);
}
