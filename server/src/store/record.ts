import { endianness } from 'node:os';
import { crc32 } from '../files/crc32.js';

/**
 * The binary form of a stored score, little endian:
 *
 *   u8 version | u8 0 | u16 K | u16 M | u16 0 | u32 tokens | u32 truncatedTokens | f64 expectation
 *   | f32 quantiles[K] | f32 gate[M] | f32 attributeQuantiles[M*K] | u32 CRC-32 of all before it
 *
 * float32 as the engine gives them, so a score read back equals the score put, bit for bit.
 */

/** Structurally the qrm RewardScore (the store imports nothing). */
export interface StoredScore {
  readonly attributeQuantiles: Float32Array;
  readonly gate: Float32Array;
  readonly quantiles: Float32Array;
  readonly expectation: number;
  readonly tokens: number;
  readonly truncatedTokens: number;
}

const RECORD_VERSION = 1;
const HEADER = 24;
const LITTLE_ENDIAN = endianness() === 'LE';

/** @throws RangeError when the attribute quantiles are not M*K numbers. */
export function encodeScore(score: StoredScore): Buffer {
  const K = score.quantiles.length;
  const M = score.gate.length;
  if (score.attributeQuantiles.length !== M * K) {
    throw new RangeError(
      `attributeQuantiles has ${score.attributeQuantiles.length} numbers, expected ${M}*${K}`,
    );
  }
  const out = Buffer.alloc(HEADER + 4 * (K + M + M * K) + 4);
  out.writeUInt8(RECORD_VERSION, 0);
  out.writeUInt16LE(K, 2);
  out.writeUInt16LE(M, 4);
  out.writeUInt32LE(score.tokens, 8);
  out.writeUInt32LE(score.truncatedTokens, 12);
  out.writeDoubleLE(score.expectation, 16);
  let at = HEADER;
  for (const part of [score.quantiles, score.gate, score.attributeQuantiles]) {
    for (const x of part) at = out.writeFloatLE(x, at);
  }
  out.writeUInt32LE(crc32(out.subarray(0, at)), at);
  return out;
}

/** The score, or undefined when the bytes are of another version or damaged: it is then scored anew. */
export function decodeScore(bytes: Uint8Array): StoredScore | undefined {
  if (bytes.length < HEADER + 4 || bytes[0] !== RECORD_VERSION) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const K = view.getUint16(2, true);
  const M = view.getUint16(4, true);
  const end = HEADER + 4 * (K + M + M * K);
  if (bytes.length !== end + 4) return undefined;
  if (view.getUint32(end, true) !== crc32(bytes.subarray(0, end))) return undefined;
  const numbers = numbersOf(bytes.subarray(HEADER, end));
  return {
    quantiles: numbers(0, K),
    gate: numbers(K, M),
    attributeQuantiles: numbers(K + M, M * K),
    expectation: view.getFloat64(16, true),
    tokens: view.getUint32(8, true),
    truncatedTokens: view.getUint32(12, true),
  };
}

/** Fewer numbers are quicker read one by one. */
const FEW = 64;

/** Reads parts of some little-endian float32. */
function numbersOf(bytes: Uint8Array): (from: number, length: number) => Float32Array {
  if (bytes.length > 4 * FEW && LITTLE_ENDIAN) {
    // A copy: in `bytes` itself they may begin anywhere.
    const all = new Float32Array(bytes.length / 4);
    new Uint8Array(all.buffer).set(bytes);
    return (from, length) => all.subarray(from, from + length);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (from, length) => {
    const part = new Float32Array(length);
    for (let i = 0; i < length; i++) part[i] = view.getFloat32(4 * (from + i), true);
    return part;
  };
}
