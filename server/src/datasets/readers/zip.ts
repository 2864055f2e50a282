import { readZip } from '../logs/zip.js';
import type { FileReader } from './reader.js';

/** An Inspect log is a ZIP archive of JSON files with these names, of which one stands first. */
const isInspectZip = (head: Buffer): boolean =>
  head.toString('latin1', 0, 4) === 'PK\x03\x04' &&
  /^(?:_journal\/|samples\/|header\.json|summaries\.json|reductions\.json)/.test(
    head.toString('latin1', 30, 60),
  );

export const reader: FileReader = {
  file: ({ path, bytes, name, meaning, maxRowBytes, firstRow, signal }) =>
    readZip(path, bytes, name, { ...meaning, maxRowBytes, firstRow }, signal),
  looks: (head) => (isInspectZip(head) ? 'inspect' : undefined),
  anyBytes: true,
};
