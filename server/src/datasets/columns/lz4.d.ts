/** A file of hyparquet-compressors, whose index makes Snappy's WebAssembly as soon as it is imported. */
declare module 'hyparquet-compressors/src/lz4.js' {
  export { decompressLz4, decompressLz4Raw } from 'hyparquet-compressors';
}
