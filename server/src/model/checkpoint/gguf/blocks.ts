import { decodeHalf } from '../half.js';
import { own } from '../../../fields.js';

/** How ggml stores a tensor's values: blocks of equal size along a row. */
export interface BlockType {
  /** Values in a block. */
  readonly elements: number;
  /** Bytes of a block. */
  readonly bytes: number;
}

type Expand = (bytes: DataView, at: number, out: Float32Array, to: number) => void;

/** All 65,536 values of float16, so that a block's scale costs one look-up. */
const HALF = decodeHalf(Uint16Array.from({ length: 1 << 16 }, (_, i) => i));
const half = (bytes: DataView, at: number): number => HALF[bytes.getUint16(at, true)]!;
/** One float32 and its bits. */
const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);

/**
 * The layouts of ggml-common.h and their meaning as in ggml-quants.c (`dequantize_row_*`). Every product
 * below is exact in float32, so that only the last addition rounds, as it does there.
 */
const TYPES: Readonly<Record<string, BlockType & { readonly expand: Expand }>> = {
  F32: {
    elements: 1,
    bytes: 4,
    expand: (b, at, out, to) => void (out[to] = b.getFloat32(at, true)),
  },
  F16: { elements: 1, bytes: 2, expand: (b, at, out, to) => void (out[to] = half(b, at)) },
  BF16: {
    elements: 1,
    bytes: 2,
    expand: (b, at, out, to) => {
      bits[0] = b.getUint16(at, true) << 16;
      out[to] = float[0]!;
    },
  },
  // d, 16 bytes: value j in the low half of byte j, value j + 16 in the high half.
  Q4_0: {
    elements: 32,
    bytes: 18,
    expand: (b, at, out, to) => {
      const d = half(b, at);
      for (let j = 0; j < 16; j++) {
        const q = b.getUint8(at + 2 + j);
        out[to + j] = ((q & 15) - 8) * d;
        out[to + 16 + j] = ((q >> 4) - 8) * d;
      }
    },
  },
  // d, m, 16 bytes as above.
  Q4_1: {
    elements: 32,
    bytes: 20,
    expand: (b, at, out, to) => {
      const d = half(b, at);
      const m = half(b, at + 2);
      for (let j = 0; j < 16; j++) {
        const q = b.getUint8(at + 4 + j);
        out[to + j] = (q & 15) * d + m;
        out[to + 16 + j] = (q >> 4) * d + m;
      }
    },
  },
  Q8_0: {
    elements: 32,
    bytes: 34,
    expand: (b, at, out, to) => {
      const d = half(b, at);
      for (let j = 0; j < 32; j++) out[to + j] = b.getInt8(at + 2 + j) * d;
    },
  },
  // d, dmin, 8 six-bit scales and 8 six-bit minima in 12 bytes, 128 bytes of two values each.
  Q4_K: {
    elements: 256,
    bytes: 144,
    expand: (b, at, out, to) => {
      const d = half(b, at);
      const dmin = half(b, at + 2);
      const s = at + 4;
      for (let group = 0; group < 8; group++) {
        let scale: number;
        let min: number;
        if (group < 4) {
          scale = b.getUint8(s + group) & 63;
          min = b.getUint8(s + group + 4) & 63;
        } else {
          const low = b.getUint8(s + group + 4);
          scale = (low & 15) | ((b.getUint8(s + group - 4) >> 6) << 4);
          min = (low >> 4) | ((b.getUint8(s + group) >> 6) << 4);
        }
        const dl = d * scale;
        const ml = dmin * min;
        const from = at + 16 + (group >> 1) * 32;
        const shift = (group & 1) * 4;
        const o = to + group * 32;
        for (let j = 0; j < 32; j++) out[o + j] = dl * ((b.getUint8(from + j) >> shift) & 15) - ml;
      }
    },
  },
  // 128 bytes of low halves, 64 bytes of the upper two bits, 16 scales (int8), d.
  Q6_K: {
    elements: 256,
    bytes: 210,
    expand: (b, at, out, to) => {
      const d = half(b, at + 208);
      for (let part = 0; part < 2; part++) {
        const ql = at + part * 64;
        const qh = at + 128 + part * 32;
        const scales = at + 192 + part * 8;
        const o = to + part * 128;
        for (let j = 0; j < 32; j++) {
          const high = b.getUint8(qh + j);
          const a = b.getUint8(ql + j);
          const c = b.getUint8(ql + 32 + j);
          const k = scales + (j >> 4);
          out[o + j] = d * b.getInt8(k) * (((a & 15) | ((high & 3) << 4)) - 32);
          out[o + 32 + j] = d * b.getInt8(k + 2) * (((c & 15) | (((high >> 2) & 3) << 4)) - 32);
          out[o + 64 + j] = d * b.getInt8(k + 4) * (((a >> 4) | (((high >> 4) & 3) << 4)) - 32);
          out[o + 96 + j] = d * b.getInt8(k + 6) * (((c >> 4) | ((high >> 6) << 4)) - 32);
        }
      }
    },
  },
};

/** The tensor types that are read, for messages. */
export const SUPPORTED_TYPES: readonly string[] = Object.keys(TYPES);

/** The block layout of a ggml type, or undefined for one that is not read. */
export function blockType(type: string): BlockType | undefined {
  return own(TYPES, type);
}

/** Bytes that `count` values of a type take; `count` must be whole blocks. */
export function byteLength(type: string, count: number): number {
  const { elements, bytes } = known(type);
  if (count % elements !== 0) throw new Error(`${count} values are no whole blocks of ${type}`);
  return (count / elements) * bytes;
}

/**
 * Stored blocks as float32, equal bit for bit to ggml's own.
 * @param count values, whole blocks
 * @param out where to write from `to` on; new when absent
 * @throws Error for an unknown type or too few bytes
 */
export function dequantize(
  type: string,
  bytes: Uint8Array,
  count: number,
  out = new Float32Array(count),
  to = 0,
): Float32Array {
  const { elements, bytes: size, expand } = known(type);
  const length = byteLength(type, count);
  if (bytes.byteLength < length) {
    throw new Error(`${count} values of ${type} take ${length} bytes, found ${bytes.byteLength}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  for (let at = 0; at < length; at += size, to += elements) expand(view, at, out, to);
  return out;
}

function known(type: string): BlockType & { expand: Expand } {
  const found = own(TYPES, type);
  if (found === undefined) {
    throw new Error(`tensor type ${type}; supported: ${SUPPORTED_TYPES.join(', ')}`);
  }
  return found;
}
