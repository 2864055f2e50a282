import { readArrow } from '../columns/arrow.js';
import type { FileReader } from './reader.js';

/** The first message of an Arrow IPC stream: a marker of 0xff, its length, a flatbuffer that names its table. */
const isStream = (head: Buffer): boolean =>
  head.length >= 16 &&
  head.readUInt32LE(0) === 0xffffffff &&
  head.readUInt32LE(4) > 0 &&
  head.readUInt32LE(4) < 1 << 24 &&
  head.readUInt32LE(8) < 64;

export const reader: FileReader = {
  file: ({ path, bytes, name, meaning, signal, firstRow }) =>
    readArrow(path, bytes, name, meaning, signal, firstRow),
  looks: (head) => (isStream(head) ? 'unknown' : undefined),
  anyBytes: true,
};
