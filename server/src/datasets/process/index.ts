/** Files read in a process of its own: what shells use. */
export { countedFile, type CountedFile } from './counted-file.js';
export { detectFile, holdsRows, mappingFor } from './detect-file.js';
export { closeReaders, warmReader } from './pool.js';
export type { WriteRow, WrittenRows } from './wire/pack.js';
export { detectFormat, readDataset, readWritten, rowCount } from './tasks.js';
