import * as zlib from 'node:zlib';

const TABLE = Int32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c;
});

/** CRC-32 where zlib has none. */
export function crc32ByTable(bytes: Uint8Array, value = 0): number {
  let c = ~value;
  for (let i = 0; i < bytes.length; i++) c = TABLE[(c ^ bytes[i]!) & 0xff]! ^ (c >>> 8);
  return ~c >>> 0;
}

/** CRC-32 (IEEE 802.3, gzip), continued from `value`. Node has its own since 20.15. */
export const crc32: typeof crc32ByTable =
  (zlib as { crc32?: typeof crc32ByTable }).crc32 ?? crc32ByTable;
