/**
 * XXH64 with seed 0, over as many chunks as come (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md).
 * 64-bit words are pairs of 32-bit ones, as `Math.imul` takes them: with BigInt it takes twenty times as long.
 */
type Word = [low: number, high: number];

const P1: Word = [0x85ebca87 | 0, 0x9e3779b1 | 0];
const P2: Word = [0x27d4eb4f | 0, 0xc2b2ae3d | 0];
const P3: Word = [0x9e3779f9 | 0, 0x165667b1 | 0];
const P4: Word = [0xc2b2ae63 | 0, 0x85ebca77 | 0];
const P5: Word = [0x165667c5 | 0, 0x27d4eb2f | 0];

/** High half of the product of two unsigned 32-bit numbers. */
function high32(a: number, b: number): number {
  const [al, ah, bl, bh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const low = Math.imul(al, bl) >>> 0;
  const cross = (Math.imul(ah, bl) >>> 0) + (low >>> 16);
  const other = (Math.imul(al, bh) >>> 0) + (cross & 0xffff);
  // Above 32 bits: a plain division keeps what a shift would cut.
  return ((Math.imul(ah, bh) >>> 0) + Math.floor(cross / 65536) + Math.floor(other / 65536)) | 0;
}

function mul(w: Word, p: Word): void {
  const [low, high] = w;
  w[0] = Math.imul(low, p[0]);
  w[1] = (high32(low, p[0]) + Math.imul(low, p[1]) + Math.imul(high, p[0])) | 0;
}

function add(w: Word, low: number, high: number): void {
  const sum = (w[0] >>> 0) + (low >>> 0);
  w[0] = sum | 0;
  w[1] = (w[1] + high + (sum > 0xffffffff ? 1 : 0)) | 0;
}

/** @param n below 32 */
function rotate(w: Word, n: number): void {
  const [low, high] = w;
  w[0] = (low << n) | (high >>> (32 - n));
  w[1] = (high << n) | (low >>> (32 - n));
}

function round(acc: Word, low: number, high: number): void {
  const lane: Word = [low, high];
  mul(lane, P2);
  add(acc, lane[0], lane[1]);
  rotate(acc, 31);
  mul(acc, P1);
}

function merge(hash: Word, lane: Word): void {
  const mixed: Word = [0, 0];
  round(mixed, lane[0], lane[1]);
  hash[0] ^= mixed[0];
  hash[1] ^= mixed[1];
  mul(hash, P1);
  add(hash, P4[0], P4[1]);
}

/** w ^= w >>> n */
function shiftXor(w: Word, n: number): void {
  const [low, high] = w;
  if (n >= 32) w[0] = low ^ (high >>> (n - 32));
  else {
    w[0] = low ^ ((low >>> n) | (high << (32 - n)));
    w[1] = high ^ (high >>> n);
  }
}

const negated = ([low, high]: Word): Word => {
  const w: Word = [~low, ~high];
  add(w, 1, 0);
  return w;
};

export class Xxh64 {
  private readonly lanes: [Word, Word, Word, Word];
  private readonly held = new Uint8Array(32);
  private holds = 0;
  private length = 0;

  constructor() {
    const first: Word = [...P1];
    add(first, P2[0], P2[1]);
    this.lanes = [first, [...P2], [0, 0], negated(P1)];
  }

  update(bytes: Uint8Array): void {
    this.length += bytes.length;
    let at = 0;
    if (this.holds > 0) {
      at = Math.min(32 - this.holds, bytes.length);
      this.held.set(bytes.subarray(0, at), this.holds);
      this.holds += at;
      if (this.holds < 32) return;
      this.stripes(this.held, 0, 32);
      this.holds = 0;
    }
    const whole = at + Math.floor((bytes.length - at) / 32) * 32;
    this.stripes(bytes, at, whole);
    this.held.set(bytes.subarray(whole));
    this.holds = bytes.length - whole;
  }

  private stripes(bytes: Uint8Array, from: number, to: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = from; i < to; i += 32)
      for (let n = 0; n < 4; n++)
        round(this.lanes[n]!, view.getInt32(i + 8 * n, true), view.getInt32(i + 8 * n + 4, true));
  }

  /** The lower 32 bits, which a frame of zstd ends with. */
  low(): number {
    const hash: Word = [...P5];
    if (this.length >= 32) {
      hash[0] = hash[1] = 0;
      for (const [n, bits] of [1, 7, 12, 18].entries()) {
        const turned: Word = [...this.lanes[n]!];
        rotate(turned, bits);
        add(hash, turned[0], turned[1]);
      }
      for (const lane of this.lanes) merge(hash, lane);
    }
    add(hash, this.length | 0, Math.floor(this.length / 2 ** 32));
    const view = new DataView(this.held.buffer, 0, this.holds);
    let at = 0;
    for (; at + 8 <= this.holds; at += 8) {
      const lane: Word = [0, 0];
      round(lane, view.getInt32(at, true), view.getInt32(at + 4, true));
      hash[0] ^= lane[0];
      hash[1] ^= lane[1];
      rotate(hash, 27);
      mul(hash, P1);
      add(hash, P4[0], P4[1]);
    }
    if (at + 4 <= this.holds) {
      const lane: Word = [view.getInt32(at, true), 0];
      mul(lane, P1);
      hash[0] ^= lane[0];
      hash[1] ^= lane[1];
      rotate(hash, 23);
      mul(hash, P2);
      add(hash, P3[0], P3[1]);
      at += 4;
    }
    for (; at < this.holds; at++) {
      const lane: Word = [view.getUint8(at), 0];
      mul(lane, P5);
      hash[0] ^= lane[0];
      hash[1] ^= lane[1];
      rotate(hash, 11);
      mul(hash, P1);
    }
    shiftXor(hash, 33);
    mul(hash, P2);
    shiftXor(hash, 29);
    mul(hash, P3);
    shiftXor(hash, 32);
    return hash[0] >>> 0;
  }
}
