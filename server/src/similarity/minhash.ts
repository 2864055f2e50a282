import { MinHash } from 'bloom-filters/dist/sketch/min-hash.js';
import { finish, mix } from './murmur.js';
import { eachWord } from './words.js';

/** Values of a signature, of which a sketch keeps a byte each; prompts keep half of them. */
const VALUES = 64;
/** 32-bit words of a sketch: those of the response, and of the prompt. */
export const RESPONSE_WORDS = VALUES / 4;
export const PROMPT_WORDS = VALUES / 8;
export const SKETCH_WORDS = RESPONSE_WORDS + PROMPT_WORDS;

/** The largest prime of 31 bits. */
const PRIME = 0x7fffffff;
/** Fixed, so that sketches of any two runs can be compared; products stay below 2^53, where numbers are exact. */
const HASHES = Array.from({ length: VALUES }, (_, n) => ({
  a: 1 + (finish(n, 1) >>> 10),
  b: finish(n, 2) >>> 1,
  c: PRIME,
}));

/** The least value of each hash function over the shingles of a text (three words), or Infinity where it has no word. */
function signature(text: string, values: number): readonly number[] {
  const hash = new MinHash(values, HASHES);
  let [a, b, n] = [0, 0, 0];
  eachWord(text, (c) => {
    if (++n >= 3) hash.add(finish(mix(mix(mix(0, a), b), c), 3) >>> 1);
    [a, b] = [b, c];
  });
  // What is shorter is one shingle.
  if (n === 1 || n === 2) hash.add(finish(mix(mix(0, a), b), 2) >>> 1);
  return hash._signature;
}

/** A byte of each value (b-bit minwise hashing, Li & König 2010). */
function put(values: readonly number[], into: Uint32Array, from: number): void {
  if (values[0] === Infinity) return;
  values.forEach((value, n) => {
    const byte = finish(mix(mix(0, value), n), 2) & 255;
    into[from + (n >> 2)]! |= byte << ((n & 3) * 8);
  });
}

interface Spoken {
  readonly content: string;
}

/**
 * Sketches of the responses of a row: 96 bytes for a response and what it answers, of any length. Turns that
 * conversations share are read once.
 */
export class Sketcher {
  private turns: readonly Spoken[] = [];
  /** Signature of all that stands before each turn. */
  private before: (readonly number[])[] = [Array<number>(4 * PROMPT_WORDS).fill(Infinity)];

  /** @returns 24 words: 64 bytes of the response, all 0 where it has no word, and 32 of what it answers */
  sketch(turns: readonly Spoken[], target: number): Uint32Array {
    let same = 0;
    while (
      same < target &&
      same < this.before.length - 1 &&
      this.turns[same]?.content === turns[same]?.content
    )
      same++;
    this.before.length = same + 1;
    for (let n = same; n < target; n++) {
      const turn = signature(turns[n]?.content ?? '', 4 * PROMPT_WORDS);
      this.before.push(this.before[n]!.map((least, i) => Math.min(least, turn[i]!)));
    }
    this.turns = turns;
    const made = new Uint32Array(SKETCH_WORDS);
    put(signature(turns[target]?.content ?? '', VALUES), made, 0);
    put(this.before[target]!, made, RESPONSE_WORDS);
    return made;
  }
}

/** Words of a sketch, each by the number of its response. */
export type SketchWord = (i: number, word: number) => number;

/**
 * Estimated Jaccard similarity of words [from, to) of two sketches: the share of equal bytes, less those that are
 * equal by chance. Standard error 0.05 for a response and 0.06 for a prompt at 0.8; texts of a few words are told apart
 * more roughly.
 */
export function similarity(
  word: SketchWord,
  a: number,
  b: number,
  from: number,
  to: number,
): number {
  let equal = 0;
  for (let w = from; w < to; w++) {
    const x = word(a, w) ^ word(b, w);
    if ((x & 0xff) === 0) equal++;
    if ((x & 0xff00) === 0) equal++;
    if ((x & 0xff0000) === 0) equal++;
    if ((x & 0xff000000) === 0) equal++;
  }
  return Math.max(0, (equal / (4 * (to - from)) - 1 / 256) / (1 - 1 / 256));
}
