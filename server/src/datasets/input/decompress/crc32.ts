import * as zlib from 'node:zlib';

const TABLE = Int32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c;
});

function byTable(bytes: Uint8Array, value: number): number {
  let c = ~value;
  for (let i = 0; i < bytes.length; i++) c = TABLE[(c ^ bytes[i]!) & 0xff]! ^ (c >>> 8);
  return ~c >>> 0;
}

/** CRC-32 of gzip, continued from `value`. Node has its own since 20.15. */
export const crc32: (bytes: Uint8Array, value: number) => number =
  (zlib as { crc32?: typeof byTable }).crc32 ?? byTable;
