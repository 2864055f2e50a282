import type { EncodedText } from './segment-encoder.js';

/** The token ids of a conversation up to and including one assistant turn. */
export interface TokenPath {
  readonly ids: readonly number[];
  /** Index of the token whose hidden state is the reward's feature: usually the last (QRM, section 3). */
  readonly reward: number;
  /**
   * Index of the first token of the last occurrence of the gating pattern: the gate's feature. That of
   * `reward` for models without a gate.
   */
  readonly gate: number;
  /** Tokens cut from the left of the prompt to fit the context; 0 when nothing was. */
  readonly truncatedTokens: number;
}

/** Which positions a model reads. */
export interface Positions {
  /** Default true; false for models without a gate. */
  readonly gated?: boolean;
  /** The reward is read at the rightmost token other than this; undefined: at the last token. */
  readonly skipped?: number;
  /** The reward is read at the token before the first of this id, if there is one. */
  readonly before?: number;
}

/** The last index whose id is not `skipped`; 0 where there is none, as in transformers. Or that before `before`. */
export function rewardAt(ids: readonly number[], { skipped, before }: Positions): number {
  let at = ids.length - 1;
  const end = before === undefined ? -1 : ids.indexOf(before);
  if (end > 0) return end - 1;
  if (skipped !== undefined) while (at > 0 && ids[at] === skipped) at--;
  return at;
}

/** The ids of `text` when it is a beginning of `whole` that ends where tokens cannot merge across. */
export function beginning(
  whole: EncodedText & { text: string },
  text: string,
): readonly number[] | undefined {
  const count = whole.borders.get(text.length);
  if (count === undefined || !whole.text.startsWith(text)) return undefined;
  return count === whole.ids.length ? whole.ids : whole.ids.slice(0, count);
}
