// LZ4 frames, as Arrow packs its buffers (github.com/lz4/lz4, doc/lz4_Frame_format.md and lz4_Block_format.md).

const MAGIC = 0x184d2204;
/** Largest block of a frame by its header's code. */
const BLOCKS: Readonly<Record<number, number>> = { 4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22 };

const damaged = (what: string): Error => new Error(`a frame of LZ4 ${what}`);

/** Bytes that grow. */
class Output {
  bytes: Uint8Array;
  length = 0;

  constructor(hint: number) {
    this.bytes = new Uint8Array(hint);
  }

  room(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  add(part: Uint8Array): void {
    this.room(part.length);
    this.bytes.set(part, this.length);
    this.length += part.length;
  }

  /** A match may reach into what it writes itself. */
  repeat(back: number, count: number): void {
    this.room(count);
    const { bytes } = this;
    for (let i = 0; i < count; i++) bytes[this.length + i] = bytes[this.length + i - back]!;
    this.length += count;
  }
}

/** @param from where earlier blocks end that this one must not refer to; @param most bytes of the block, decompressed */
function block(input: Uint8Array, out: Output, from: number, most: number): void {
  const end = out.length + most;
  let at = 0;
  const long = (short: number): number => {
    let length = short;
    if (short === 15)
      for (let byte = 255; byte === 255; length += byte) {
        if (at >= input.length) throw damaged('ends inside a length');
        byte = input[at++]!;
      }
    return length;
  };
  for (;;) {
    if (at >= input.length) throw damaged('ends inside a block');
    const token = input[at++]!;
    const literals = long(token >> 4);
    if (at + literals > input.length || out.length + literals > end)
      throw damaged('has more bytes than its block');
    out.add(input.subarray(at, at + literals));
    at += literals;
    if (at === input.length) return;
    if (at + 2 > input.length) throw damaged('ends inside a block');
    const back = input[at]! | (input[at + 1]! << 8);
    at += 2;
    const count = long(token & 15) + 4;
    if (back === 0 || back > out.length - from)
      throw damaged('refers to bytes before its beginning');
    if (out.length + count > end) throw damaged('has more bytes than its block');
    out.repeat(back, count);
  }
}

/**
 * The bytes of one frame; checksums are not looked at.
 * @param most bytes that are made at most
 * @throws Error
 */
export function unlz4(input: Uint8Array, most: number): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (input.length < 7 || view.getUint32(0, true) !== MAGIC) throw damaged('has no beginning');
  const flags = input[4]!;
  if (flags >> 6 !== 1) throw damaged(`is of version ${flags >> 6}, expected 1`);
  if ((flags & 1) !== 0) throw damaged('needs a dictionary');
  const linked = (flags & 0x20) === 0;
  const limit = BLOCKS[(input[5]! >> 4) & 7];
  if (limit === undefined) throw damaged('has blocks of no known size');
  const sized = (flags & 8) !== 0;
  let at = 6 + (sized ? 8 : 0) + 1;
  const out = new Output(Math.min(most, Math.max(1024, input.length * 3)));
  for (;;) {
    if (at + 4 > input.length) throw damaged('ends before its end mark');
    const word = view.getUint32(at, true);
    at += 4;
    if (word === 0) return out.bytes.subarray(0, out.length);
    const size = word & 0x7fffffff;
    if (at + size > input.length) throw damaged('ends inside a block');
    const part = input.subarray(at, at + size);
    const start = linked ? 0 : out.length;
    if (word >>> 31 === 1) {
      if (size > limit) throw damaged('has more bytes than its block');
      out.add(part);
    } else block(part, out, start, limit);
    if (out.length > most) throw damaged(`holds more than ${most} bytes`);
    at += size + ((flags & 0x10) !== 0 ? 4 : 0);
  }
}
