import { PROMPT_WORDS, RESPONSE_WORDS, similarity, type SketchWord } from './minhash.js';

/** Of those that share a band with one another, at most so many different ones are compared with each that comes. */
const COMPARED = 16;
const STEP = 1024;
export const NO_OTHER = 0xffffffff;

export interface Likeness {
  readonly response: number;
  readonly prompt: number;
}

/** How alike two responses, and what they answer, are: from 0 to 1. */
export const likeness = (word: SketchWord, a: number, b: number): Likeness => ({
  response: similarity(word, a, b, 0, RESPONSE_WORDS),
  prompt: similarity(word, a, b, RESPONSE_WORDS, RESPONSE_WORDS + PROMPT_WORDS),
});

/** Texts without a word are like nothing. */
function wordless(word: SketchWord, i: number): boolean {
  for (let band = 0; band < 4; band++) if (word(i, band) !== 0) return false;
  return true;
}

/**
 * Of each response an earlier one that it is a near-duplicate of, or NO_OTHER. Locality-sensitive hashing: the words of
 * a response's sketch are its bands of four bins, and those that share one are compared (at a similarity of 0.8 99.9 %
 * of them share one, at 0.5 two thirds). One band at a time: 16 to 24 bytes a response besides the sketches.
 * @param least similarity of responses and of prompts, from 0 to 1
 * @param absent responses that are not looked at
 * @param apart whether two may be compared
 */
export function* nearDuplicates(
  length: number,
  word: SketchWord,
  least: number,
  absent: (i: number) => boolean,
  apart: (i: number, other: number) => boolean,
): Generator<undefined, Uint32Array> {
  const first = new Uint32Array(length).fill(NO_OTHER);
  let size = 16;
  while (size < 1.5 * length) size *= 2;
  const slots = new Uint32Array(size);
  /** Of each response, the next of its band plus 1. */
  const next = new Uint32Array(length);
  for (let band = 0; band < RESPONSE_WORDS; band++) {
    slots.fill(0);
    next.fill(0);
    yield;
    for (let i = 0; i < length; i++) {
      if (i % STEP === STEP - 1) yield;
      if (absent(i) || wordless(word, i)) continue;
      const key = word(i, band);
      let at = Math.imul(key, 0x9e3779b1) & (size - 1);
      while (slots[at] !== 0 && word(slots[at]! - 1, band) !== key) at = (at + 1) & (size - 1);
      if (slots[at] === 0) {
        slots[at] = i + 1;
        continue;
      }
      let last = NO_OTHER;
      let compared = 0;
      for (let j = slots[at]!; j !== 0 && compared < COMPARED; j = next[last]!, compared++) {
        last = j - 1;
        if (last >= first[i]! || !apart(i, last)) continue;
        const { response, prompt } = likeness(word, i, last);
        if (response >= least && prompt >= least) {
          first[i] = last;
          break;
        }
      }
      if (first[i] === NO_OTHER && compared < COMPARED) next[last] = i + 1;
    }
  }
  return first;
}
