import { build } from 'esbuild';

/**
 * A program of the tests in one file, for Node; what it loads natively stays outside.
 * @param {string} entry @param {string} outfile
 */
export const bundle = (entry, outfile) =>
  build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['onnxruntime-node', 'lmdb'],
    logLevel: 'warning',
  });
