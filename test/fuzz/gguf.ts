/** GGUF files of a golden backbone, and damage to what their headers say: counts, lengths, types, dims, places. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { convertedFolder } from '../unit/model/checkpoint/gguf/golden.js';
import { writeGguf } from '../unit/model/checkpoint/gguf/writer.js';
import type { Random } from './random.js';

/** What a number of the header means: damage is chosen by it, so that rare ones are as likely as many tokens. */
type Meaning = 'count' | 'length' | 'type' | 'value' | 'dims' | 'dim' | 'place' | 'text';
interface Field {
  readonly what: Meaning;
  readonly at: number;
  readonly bytes: number;
}

const SIZES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

/** The fields of a good file's header, in order. */
function fieldsOf(file: Buffer): { fields: Field[]; end: number } {
  const fields: Field[] = [];
  let at = 4;
  const number = (what: Meaning, bytes: 4 | 8): number => {
    fields.push({ what, at, bytes });
    at += bytes;
    return bytes === 4 ? file.readUInt32LE(at - 4) : Number(file.readBigUInt64LE(at - 8));
  };
  const text = (): void => {
    const bytes = number('length', 8);
    if (bytes > 0) fields.push({ what: 'text', at, bytes });
    at += bytes;
  };
  const value = (type: number): void => {
    if (type === 8) return text();
    if (type === 9) {
      const of = number('type', 4);
      for (let n = number('count', 8); n > 0; n--) value(of);
      return;
    }
    fields.push({ what: 'value', at, bytes: SIZES[type]! });
    at += SIZES[type]!;
  };
  number('type', 4); // the version
  const tensors = number('count', 8);
  for (let n = number('count', 8); n > 0; n--) {
    text();
    value(number('type', 4));
  }
  for (let n = 0; n < tensors; n++) {
    text();
    for (let dims = number('dims', 4); dims > 0; dims--) number('dim', 8);
    number('type', 4);
    number('place', 8);
  }
  return { fields, end: at };
}

const ODD = [0n, 1n, 2n, 3n, 5n, 7n, 9n, 31n, 255n, 65_535n, 999_999n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]; // prettier-ignore
const MEANINGS: readonly Meaning[] = ['count', 'length', 'type', 'value', 'dims', 'dim', 'place', 'text']; // prettier-ignore

function oddField(file: Buffer, fields: readonly Field[], random: Random): string {
  const what = random.pick(MEANINGS);
  const { at, bytes } = random.pick(fields.filter((f) => f.what === what));
  const here = file.readUIntLE(at, Math.min(bytes, 6));
  const near = [here + 1, Math.max(0, here - 1), here * 2].map(BigInt);
  if (what === 'text' && random.chance(0.5)) {
    // Another name: of another text, so that two are the same.
    const other = random.pick(fields.filter((f) => f.what === 'text'));
    file.copy(file, at, other.at, other.at + Math.min(bytes, other.bytes));
  } else {
    const odd = Buffer.alloc(8);
    odd.writeBigUInt64LE(BigInt.asUintN(64, random.pick([...ODD, ...near])));
    odd.copy(file, at, 0, Math.min(bytes, 8));
  }
  return `${what} at byte ${at}`;
}

const made = new Map<string, Promise<Buffer>>();

/** @param work a folder for the file that is made once */
async function base(golden: string, work: string): Promise<Buffer> {
  const { metadata, tensors } = await convertedFolder(golden);
  const path = join(work, 'base.gguf');
  writeGguf(path, metadata, tensors);
  return readFileSync(path);
}

/** A damaged GGUF file of the backbone in `golden`, and what was done to it. */
export async function damagedGguf(
  golden: string,
  work: string,
  random: Random,
): Promise<{ bytes: Buffer; what: string }> {
  if (!made.has(golden)) made.set(golden, base(golden, work));
  const bytes = Buffer.from(await made.get(golden)!);
  const { fields, end } = fieldsOf(bytes);
  const what = random.times(1, 3, () => oddField(bytes, fields, random)).join(', ');
  if (!random.chance(0.15)) return { bytes, what };
  const cut = random.int(0, random.chance(0.7) ? end : bytes.length);
  return { bytes: bytes.subarray(0, cut), what: `${what}, cut at byte ${cut}` };
}
