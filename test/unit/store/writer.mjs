// Child of the kill test: writes scores one after another and says which are committed.
import { build } from 'esbuild';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const lmdb = import.meta.resolve('lmdb');
const [folder, start, count] = process.argv.slice(2);
const out = join(folder, `store-${process.pid}.mjs`);
await build({
  entryPoints: [new URL('../../../server/src/store/index.ts', import.meta.url).pathname],
  outfile: out,
  bundle: true,
  platform: 'node',
  format: 'esm',
  // The bundle lies in a temporary folder, so the native package is named by its whole path.
  plugins: [
    {
      name: 'lmdb',
      setup: (b) => b.onResolve({ filter: /^lmdb$/ }, () => ({ path: lmdb, external: true })),
    },
  ],
  logLevel: 'error',
});
const { ScoreStore, contentHash, scoreKey } = await import(pathToFileURL(out).href);
const store = ScoreStore.open({ folder });
for (let i = Number(start); i < Number(start) + Number(count); i++) {
  const key = scoreKey('m', contentHash([{ role: 'assistant', content: String(i) }], 0));
  await store.put(key, {
    quantiles: Float32Array.of(i, i + 0.1),
    gate: Float32Array.of(1),
    attributeQuantiles: Float32Array.of(i, i + 0.1),
    expectation: i + 0.05,
    tokens: i,
    truncatedTokens: 0,
  });
  process.stdout.write(`${i}\n`);
}
await store.close();
