import { decompress as zstd } from 'fzstd';
import type { Compressors } from 'hyparquet';
import { decompressLz4, decompressLz4Raw } from 'hyparquet-compressors/src/lz4.js';
import { snappyUncompressor } from 'hysnappy';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

const bounded = (length: number) => ({ maxOutputLength: Math.max(1, length) });

let snappy: ReturnType<typeof snappyUncompressor> | undefined;

/**
 * Decoders of a Parquet file's pages. Node's own where it has them: they check, and end where the page ends. Snappy's
 * is WebAssembly, which V8 gives 10 GB of addresses: it is made when the first such page is read, so that a process
 * with less (`ulimit -v`) runs where there is none.
 */
export const compressors: Compressors = {
  SNAPPY: (input, length) => (snappy ??= snappyUncompressor())(input, length),
  GZIP: (input, length) => gunzipSync(input, bounded(length)),
  BROTLI: (input, length) => brotliDecompressSync(input, bounded(length)),
  ZSTD: (input) => zstd(input),
  LZ4: decompressLz4,
  LZ4_RAW: decompressLz4Raw,
};
