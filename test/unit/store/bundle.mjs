// The store as a process of its own has it: bundled into a temporary folder, its native package named by path.
import { build } from 'esbuild';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export async function openIn(folder) {
  const lmdb = import.meta.resolve('lmdb');
  const out = process.env.QRM_TEST_STORE ?? join(folder, `store-${process.pid}.mjs`);
  if (!existsSync(out))
    await build({
      entryPoints: [new URL('../../../server/src/store/index.ts', import.meta.url).pathname],
      outfile: out,
      bundle: true,
      platform: 'node',
      format: 'esm',
      plugins: [
        {
          name: 'lmdb',
          setup: (b) => b.onResolve({ filter: /^lmdb$/ }, () => ({ path: lmdb, external: true })),
        },
      ],
      logLevel: 'error',
    });
  const store = await import(pathToFileURL(out).href);
  const key = (i) =>
    store.scoreKey('m', store.contentHash([{ role: 'assistant', content: String(i) }], 0));
  const score = (i) => ({
    quantiles: Float32Array.of(i, i + 0.1),
    gate: Float32Array.of(1),
    attributeQuantiles: Float32Array.of(i, i + 0.1),
    expectation: i + 0.05,
    tokens: i,
    truncatedTokens: 0,
  });
  return { ...store, key, score };
}
