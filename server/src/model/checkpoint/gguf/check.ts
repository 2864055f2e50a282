import { open } from 'node:fs/promises';

/** Bytes of each type of value of the format; 0: its own rule (a text, a list). */
const SIZES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
const [UINT32, TEXT, LIST] = [4, 8, 9];
const MOST_DIMS = 4;
/** Lists of lists. */
const DEEPEST = 4;
/** The library reads no longer header. */
const LONGEST = 48 << 20;
const FIRST_READ = 4 << 20;

/** The bytes at hand end before the header does. */
class Short extends Error {}

/**
 * Walks over a GGUF header before the library builds anything from it: whatever counts and lengths claim, it
 * costs no more than the file's bytes.
 * @throws Error saying at which byte what was expected
 */
export async function checkGgufHeader(path: string, size: number): Promise<void> {
  const handle = await open(path, 'r');
  try {
    for (let length = Math.min(size, FIRST_READ); ; length = Math.min(size, length * 4)) {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0);
      try {
        return new Walk(buffer.subarray(0, bytesRead), size).header();
      } catch (error) {
        if (!(error instanceof Short)) throw error;
        if (bytesRead < length || length >= size)
          throw new Error(`it ends at byte ${bytesRead}, ${error.message}`);
        if (length >= LONGEST) throw new Error(`its header is longer than ${LONGEST} bytes`);
      }
    }
  } finally {
    await handle.close();
  }
}

class Walk {
  #at = 0;
  #what = 'inside its first numbers';

  constructor(
    private readonly bytes: Buffer,
    private readonly size: number,
  ) {}

  header(): void {
    if (this.bytes.toString('latin1', 0, 4) !== 'GGUF')
      throw new Error('expected "GGUF" at byte 0');
    this.#at = 4;
    const version = this.#u32();
    if (version !== 2 && version !== 3) {
      throw new Error(`its version is ${version}; expected 2 or 3, little-endian`);
    }
    const tensors = this.#count('tensors', 24);
    const pairs = this.#count('metadata values', 13);
    const alignment = this.#metadata(pairs);
    const names = new Set<string>();
    for (let n = 0; n < tensors; n++) this.#tensor(n, names, alignment);
  }

  #metadata(pairs: number): number {
    const keys = new Set<string>();
    let alignment = 32;
    for (let n = 0; n < pairs; n++) {
      this.#what = `inside the key of metadata value ${n} of ${pairs}`;
      const key = this.#text();
      if (keys.has(key)) throw new Error(`key "${shown(key)}" stands in it twice`);
      keys.add(key);
      this.#what = `inside the value of "${shown(key)}"`;
      const type = this.#u32();
      if (key === 'general.alignment') {
        if (type !== UINT32) throw new Error('"general.alignment" is no number of 32 bits');
        alignment = this.#u32();
        if (alignment < 8 || alignment > 1 << 20 || (alignment & (alignment - 1)) !== 0) {
          throw new Error(`"general.alignment" is ${alignment}; expected a power of two from 8 on`);
        }
      } else this.#value(type, 0);
    }
    return alignment;
  }

  #tensor(n: number, names: Set<string>, alignment: number): void {
    this.#what = `inside the name of tensor ${n}`;
    const name = this.#text();
    if (names.has(name)) throw new Error(`tensor "${shown(name)}" stands in it twice`);
    names.add(name);
    this.#what = `inside its entry of tensor "${shown(name)}"`;
    const of = `tensor "${shown(name)}" has`;
    const dims = this.#u32();
    if (dims < 1 || dims > MOST_DIMS) {
      throw new Error(`${of} ${dims} dimensions; expected 1 to ${MOST_DIMS}`);
    }
    for (let d = 0; d < dims; d++) {
      if (this.#u64() < 1) throw new Error(`${of} a dimension of 0 values`);
    }
    this.#skip(4);
    const offset = this.#u64();
    if (offset > this.size || offset % alignment !== 0) {
      throw new Error(
        `${of} offset ${offset}; expected a multiple of ${alignment} within the file of ${this.size} bytes`,
      );
    }
  }

  #value(type: number, depth: number): void {
    if (type === TEXT) return this.#skip(this.#length());
    if (type !== LIST) {
      const bytes = SIZES[type];
      if (bytes === undefined) throw new Error(`byte ${this.#at - 4}, ${this.#what}: type ${type}; expected 0 to 12`); // prettier-ignore
      return this.#skip(bytes);
    }
    if (depth >= DEEPEST) throw new Error(`${this.#what}: lists are nested more than ${DEEPEST} deep`); // prettier-ignore
    const of = this.#u32();
    const least = of === TEXT ? 8 : of === LIST ? 12 : SIZES[of];
    if (least === undefined) throw new Error(`byte ${this.#at - 4}, ${this.#what}: a list of type ${of}; expected 0 to 12`); // prettier-ignore
    const count = this.#count(`elements ${this.#what}`, least);
    if (of === TEXT || of === LIST) for (let i = 0; i < count; i++) this.#value(of, depth + 1);
    else this.#skip(count * least);
  }

  /** A number of things that take at least `least` bytes each. */
  #count(what: string, least: number): number {
    const at = this.#at;
    const count = this.#u64();
    if (count * least > this.size - at) {
      throw new Error(`byte ${at} counts ${count} ${what}; the file has ${this.size} bytes`);
    }
    return count;
  }

  #length(): number {
    const at = this.#at;
    const length = this.#u64();
    if (length > this.size - at) {
      throw new Error(`byte ${at}, ${this.#what}: a text of ${length} bytes; the file has ${this.size}`);
    } // prettier-ignore
    return length;
  }

  #text(): string {
    const length = this.#length();
    this.#skip(length);
    return this.bytes.toString('utf8', this.#at - length, this.#at);
  }

  #skip(bytes: number): void {
    if (bytes > this.bytes.length - this.#at) throw new Short(this.#what);
    this.#at += bytes;
  }

  #u32(): number {
    this.#skip(4);
    return this.bytes.readUInt32LE(this.#at - 4);
  }

  #u64(): number {
    this.#skip(8);
    return Number(this.bytes.readBigUInt64LE(this.#at - 8));
  }
}

const shown = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text);
