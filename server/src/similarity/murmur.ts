// MurmurHash3_x86_32 (A. Appleby, public domain), one 32-bit block at a time.

/** A hash with one more block in it. */
export function mix(hash: number, block: number): number {
  let k = Math.imul(block, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  const h = hash ^ Math.imul(k, 0x1b873593);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

/** The hash of so many blocks, from 0 to 2^32 - 1. */
export function finish(hash: number, blocks: number): number {
  let h = hash ^ (4 * blocks);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
