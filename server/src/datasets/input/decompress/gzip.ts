import { createInflateRaw, type InflateRaw } from 'node:zlib';
import { advanced } from '../source.js';
import { crc32 } from '../../../files/crc32.js';
import type { ByteInput } from './input.js';

/** Compressed bytes given at a time: what zlib made of them is lost when it finds an error in them. */
const PIECE = 1 << 15;
/** A member up to this size is decoded again in small steps when it is damaged, up to the very place. */
const KEPT = 1 << 22;
const STEP = 64;

/** Passes over a member's header (RFC 1952, section 2.3). */
async function memberHeader(input: ByteInput): Promise<void> {
  const head = await input.need(8);
  const [method, flags] = [head[0]!, head[1]!];
  if (method !== 8 || (flags & 0xe0) !== 0) throw new Error('a gzip member has no valid header');
  if ((flags & 4) !== 0) {
    const length = await input.need(2);
    await input.need(length[0]! | (length[1]! << 8));
  }
  // The file's name and a comment, each up to a zero byte.
  for (const bit of [8, 16]) if ((flags & bit) !== 0) while ((await input.need(1))[0] !== 0);
  if ((flags & 2) !== 0) await input.need(2);
}

interface Step {
  readonly data: readonly Buffer[];
  /** The deflate stream has ended. */
  readonly ended: boolean;
}

/** zlib's stream, one piece at a time. */
class Inflater {
  private readonly raw: InflateRaw = createInflateRaw({ chunkSize: 1 << 17 });
  private data: Buffer[] = [];
  private ended = false;
  private error: Error | undefined;
  private wake: (() => void) | undefined;

  constructor() {
    this.raw.on('data', (chunk: Buffer) => this.data.push(chunk));
    this.raw.on('end', () => {
      this.ended = true;
      this.wake?.();
    });
    this.raw.on('error', (error) => {
      this.error = error;
      this.wake?.();
    });
  }

  /** Compressed bytes that were used. */
  get used(): number {
    return this.raw.bytesWritten;
  }

  /** @throws what zlib finds; what it made of `piece` is lost then */
  async step(piece: Uint8Array): Promise<Step> {
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      // Where bytes are left behind the stream's end, there is no answer but `end`.
      this.raw.write(piece, () => resolve());
    });
    if (this.error !== undefined) throw this.error;
    const data = this.data;
    this.data = [];
    return { data, ended: this.ended };
  }

  close(): void {
    this.raw.destroy();
  }
}

/** The member's data and, at its end, the check of CRC and length (RFC 1952, section 2.3.1). */
async function* member(input: ByteInput): AsyncGenerator<Uint8Array> {
  await memberHeader(input);
  const inflater = new Inflater();
  let kept: Uint8Array[] | undefined = [];
  let given = 0;
  let length = 0;
  let crc = 0;
  try {
    for (let ended = false; !ended;) {
      const piece = await input.some(PIECE);
      if (piece === undefined) throw new Error('the file ends inside its compressed data');
      kept?.push(piece);
      let step: Step;
      try {
        step = await inflater.step(piece);
      } catch (error) {
        if (kept !== undefined) yield* again(kept, length);
        throw error;
      }
      given += piece.length;
      for (const data of step.data) {
        crc = crc32(data, crc);
        length += data.length;
        advanced();
        yield data;
      }
      ended = step.ended;
      if (ended) input.back(piece.subarray(piece.length - (given - inflater.used)));
      else if (given > KEPT) kept = undefined;
    }
  } finally {
    inflater.close();
  }
  const trailer = await input.need(8);
  const view = new DataView(trailer.buffer, trailer.byteOffset, 8);
  if (view.getUint32(0, true) !== crc || view.getUint32(4, true) !== length % 2 ** 32)
    throw new Error('the checksum of a gzip member does not fit: the file is damaged before here');
}

/** What a damaged member holds after `from` bytes, up to where zlib finds the damage. */
async function* again(pieces: readonly Uint8Array[], from: number): AsyncGenerator<Uint8Array> {
  const inflater = new Inflater();
  let left = from;
  try {
    for (const [n, piece] of pieces.entries()) {
      // Only the last one is damaged.
      const size = n === pieces.length - 1 ? STEP : piece.length;
      for (let at = 0; at < piece.length; at += size) {
        const { data } = await inflater.step(piece.subarray(at, at + size));
        for (const chunk of data) {
          if (chunk.length > left) yield chunk.subarray(left);
          left = Math.max(0, left - chunk.length);
        }
      }
    }
  } catch {
    // Found already.
  } finally {
    inflater.close();
  }
}

/**
 * All members of a gzip file. Zeros after the last one are padding; anything else is told, after what
 * the members hold.
 */
export async function* gunzip(input: ByteInput): AsyncGenerator<Uint8Array> {
  for (let members = 0; ; members++) {
    const start = input.position;
    const magic = await input.take(2);
    if (magic.length === 2 && magic[0] === 0x1f && magic[1] === 0x8b) {
      yield* member(input);
      continue;
    }
    let odd = magic.some((byte) => byte !== 0);
    for (let part; !odd && (part = await input.some(PIECE)) !== undefined;)
      odd = part.some((byte) => byte !== 0);
    if (!odd) return;
    throw new Error(`byte ${start} of the file begins no gzip member; ${members} were read`);
  }
}
