import { chatMessage } from '../datasets/index.js';
import type { DatasetRow } from '../datasets/types.js';
import type { GroupResult, ScoreGroup, TargetResult } from '../engine/types.js';
import type { RewardScore } from '../qrm/types.js';
import type { Slot } from './slots.js';
import { whyUnscored } from './unscored.js';

/** A response of a row with its score. */
export interface ScoredTarget extends Slot {
  readonly result: TargetResult;
  /** Known without the evaluator. */
  readonly fromStore: boolean;
}

/** A score to be kept; `by`: what scored it, where that is not what the evaluator was opened as. */
export interface FreshScore {
  readonly slot: Slot;
  readonly score: RewardScore;
  readonly by?: string;
}

/** The scores of one row's responses: those known already, and the others when the evaluator answered. */
export class RowScores {
  private readonly found: (TargetResult | undefined)[];
  private readonly known: readonly boolean[];
  /** What `group` asked for, in its order: the answer has the same. */
  private asked: readonly { readonly conversation: number; readonly slots: readonly number[] }[] =
    [];

  /** @param score of a text that was scored before */
  constructor(
    readonly row: DatasetRow,
    readonly slots: readonly Slot[],
    score: (hash: Buffer) => RewardScore | undefined,
  ) {
    this.found = slots.map(({ hash, conversation, target }) => {
      const error = whyUnscored(row.conversations[conversation]?.turns[target]);
      if (error !== undefined) return { ok: false, error };
      const known = score(hash);
      return known && { ok: true, score: known };
    });
    this.known = this.found.map((result) => result?.ok === true);
  }

  /** Responses that the evaluator is to score: not those that no model scores. */
  get missing(): number {
    return this.found.filter((result) => result === undefined).length;
  }

  /** The responses with their scores; whoever got no answer has an error. */
  get targets(): ScoredTarget[] {
    return this.slots.map((slot, n) => ({
      ...slot,
      result: this.found[n] ?? NO_RESULT,
      fromStore: this.known[n] ?? false,
    }));
  }

  /** The conversations with responses that are missing, each with those. */
  group(): ScoreGroup {
    this.asked = this.missingOf();
    const conversations = this.asked.map(({ conversation, slots }) => ({
      messages: (this.row.conversations[conversation]?.turns ?? []).map(chatMessage),
      targets: slots.map((n) => this.slots[n]?.target as number),
    }));
    return { conversations };
  }

  private missingOf(): { conversation: number; slots: number[] }[] {
    const missing = this.slots.flatMap((_, n) => (this.found[n] === undefined ? [n] : []));
    return this.row.conversations
      .map((_, conversation) => ({
        conversation,
        slots: missing.filter((n) => this.slots[n]?.conversation === conversation),
      }))
      .filter(({ slots }) => slots.length > 0);
  }

  /** Takes the evaluator's answer to `group`. @returns the new scores, to be kept */
  settle({ results, scoredBy: by }: GroupResult): FreshScore[] {
    const fresh: FreshScore[] = [];
    this.asked.forEach(({ slots }, c) =>
      slots.forEach((n, t) => {
        const result = checked(results[c]?.[t]);
        this.found[n] = result;
        if (result.ok)
          fresh.push({ slot: this.slots[n] as Slot, score: result.score, ...(by && { by }) });
      }),
    );
    return fresh;
  }
}

export const NO_RESULT: TargetResult = { ok: false, error: 'the engine gave no result' };

/** A score with NaN or infinity in it is no score: it would spoil every order and threshold. */
function checked(result: TargetResult | undefined): TargetResult {
  if (result === undefined) return NO_RESULT;
  if (!result.ok) return result;
  const { quantiles, attributeQuantiles, gate, expectation } = result.score;
  const finite = (numbers: Float32Array) => numbers.every(Number.isFinite);
  const good =
    Number.isFinite(expectation) && finite(quantiles) && finite(gate) && finite(attributeQuantiles);
  return good ? result : { ok: false, error: 'the model gave a number that is not finite' };
}
