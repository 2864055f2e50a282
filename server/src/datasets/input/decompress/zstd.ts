import { Decompress } from 'fzstd';
import { advanced } from '../source.js';
import type { ByteInput } from './input.js';
import { Xxh64 } from './xxh64.js';

/** zstd's own limit (`--long=27`, `--ultra -22`): a frame may ask for gigabytes. */
const MAX_WINDOW = 1 << 27;
const MAX_BLOCK = 1 << 17;
const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;

interface Frame {
  readonly header: Uint8Array;
  readonly checked: boolean;
}

const u32 = (bytes: Uint8Array, at = 0): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true);

/** The header of a frame whose magic number is read (RFC 8878, section 3.1.1.1). */
async function frameHeader(input: ByteInput): Promise<Frame> {
  const [descriptor = 0] = await input.need(1);
  const single = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3]!;
  const sized = [single ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  const rest = await input.need((single ? 0 : 1) + dictionary + sized);
  if ((descriptor & 8) !== 0) throw new Error('a reserved bit of a zstd frame is set');
  let at = single ? 0 : 1;
  if (rest.subarray(at, at + dictionary).some((byte) => byte !== 0))
    throw new Error('a zstd frame needs a dictionary; expected one that stands for itself');
  at += dictionary;
  let window = 0;
  if (single) {
    for (let i = sized - 1; i >= 0; i--) window = window * 256 + rest[at + i]!;
    if (sized === 2) window += 256;
  } else {
    const base = 2 ** (10 + (rest[0]! >> 3));
    window = base + (base / 8) * (rest[0]! & 7);
  }
  if (window > MAX_WINDOW) {
    const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
    throw new Error(
      `a zstd frame needs a window of ${mib(window)}; expected at most ${mib(MAX_WINDOW)} (compress with --long=27 or less)`,
    );
  }
  const header = new Uint8Array(5 + rest.length);
  new DataView(header.buffer).setUint32(0, MAGIC, true);
  header[4] = descriptor;
  header.set(rest, 5);
  return { header, checked: (descriptor & 4) !== 0 };
}

async function* frame(input: ByteInput): AsyncGenerator<Uint8Array> {
  const { header, checked } = await frameHeader(input);
  const hash = checked ? new Xxh64() : undefined;
  let ready: Uint8Array[] = [];
  const decoder = new Decompress((data) => {
    if (data.length > 0) ready.push(data);
  });
  decoder.push(header);
  let pushed = header.length;
  for (let last = false; !last;) {
    const head = await input.need(3);
    const word = head[0]! | (head[1]! << 8) | (head[2]! << 16);
    last = (word & 1) === 1;
    const kind = (word >> 1) & 3;
    const size = word >> 3;
    if (kind === 3 || size > MAX_BLOCK) throw new Error('a block of zstd has no valid header');
    const block = new Uint8Array(3 + (kind === 1 ? 1 : size));
    block.set(head);
    block.set(await input.need(block.length - 3), 3);
    decoder.push(block);
    pushed += block.length;
    // The library keeps back what is shorter than 18 bytes until it is told that no more comes.
    if (last && pushed < 18) decoder.push(new Uint8Array(checked ? 4 : 0), true);
    for (const data of ready) {
      hash?.update(data);
      advanced();
      yield data;
    }
    ready = [];
  }
  if (hash !== undefined && u32(await input.need(4)) !== hash.low())
    throw new Error('the checksum of a zstd frame does not fit: the file is damaged before here');
}

/** Node 20 has no zstd of its own; fzstd is given the frames block by block. */
export async function* unzstd(input: ByteInput): AsyncGenerator<Uint8Array> {
  for (let frames = 0; ; frames++) {
    const start = input.position;
    const magic = await input.take(4);
    if (magic.length === 0) return;
    const word = magic.length === 4 ? u32(magic) : 0;
    if (word === MAGIC) yield* frame(input);
    else if ((word & 0xfffffff0) >>> 0 === SKIPPABLE) {
      for (let left = u32(await input.need(4)); left > 0;) {
        const part = await input.some(left);
        if (part === undefined) throw new Error('the file ends inside a frame of zstd');
        left -= part.length;
      }
    } else
      throw new Error(`byte ${start} of the file begins no frame of zstd; ${frames} were read`);
  }
}

/**
 * The bytes of frames that are at hand; checksums are not looked at.
 * @param most bytes that are made at most
 * @throws Error
 */
export function unzstdWhole(bytes: Uint8Array, most: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = 0;
  const decoder = new Decompress((part) => {
    length += part.length;
    if (length > most) throw new Error(`a frame of zstd holds more than ${most} bytes`);
    parts.push(part);
  });
  decoder.push(bytes, true);
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, length);
}
