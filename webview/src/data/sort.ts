const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);
const LAST = 0xffffffff;

/** A 32-bit key that orders like the float; NaN comes last in both directions. */
export function floatKey(value: number, descending = false): number {
  if (Number.isNaN(value)) return LAST;
  float[0] = value;
  const b = bits[0] as number;
  const key = b >>> 31 === 1 ? ~b >>> 0 : (b | 0x80000000) >>> 0;
  return descending ? ~key >>> 0 : key;
}

/** A key for whole numbers below 2^32 - 1. */
export function wordKey(value: number, descending = false): number {
  return descending ? (LAST - 1 - value) >>> 0 : value >>> 0;
}

/**
 * Items in the order of their keys; equal keys keep their order. Radix sort of two passes of 16 bits:
 * a million items take some tens of milliseconds, where a comparison sort blocks for a second.
 * @param keys keys[n] belongs to items[n].
 */
export function sortByKey(items: Uint32Array, keys: Uint32Array): Uint32Array {
  const n = items.length;
  let from = items;
  let fromKeys = keys;
  for (const shift of [0, 16]) {
    const starts = new Uint32Array(0x10000);
    for (let i = 0; i < n; i++) {
      const d = ((fromKeys[i] as number) >>> shift) & 0xffff;
      starts[d] = (starts[d] as number) + 1;
    }
    let sum = 0;
    for (let d = 0; d < 0x10000; d++) {
      const c = starts[d] as number;
      starts[d] = sum;
      sum += c;
    }
    const to = new Uint32Array(n);
    const toKeys = new Uint32Array(n);
    for (let i = 0; i < n; i++) {
      const key = fromKeys[i] as number;
      const d = (key >>> shift) & 0xffff;
      const at = starts[d] as number;
      starts[d] = at + 1;
      to[at] = from[i] as number;
      toKeys[at] = key;
    }
    from = to;
    fromKeys = toKeys;
  }
  return from;
}
