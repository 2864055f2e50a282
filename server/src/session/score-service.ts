import type { DatasetRow } from '../datasets/types.js';
import type { EvaluatorInfo, TargetResult } from '../engine/types.js';
import type { RewardScore } from '../qrm/types.js';
import { scoreKey, type ScoreStore } from '../store/index.js';
import type { LazyEvaluator } from './lazy-evaluator.js';
import { Rate } from './rate.js';
import type { Slot } from './slots.js';

const RECENT = 4096;

export interface ScoreRequest {
  readonly priority: number;
  readonly signal?: AbortSignal;
}

/** Scores by content: what was scored lately, then the store, then the evaluator. */
export class ScoreService {
  /** Raw scores of the last responses: hovers and edits need them again, with or without a store. */
  private readonly recent = new Map<string, RewardScore>();
  readonly rate = new Rate();
  /** Responses that wait for the evaluator. */
  queue = 0;

  constructor(
    readonly evaluator: LazyEvaluator,
    readonly store: ScoreStore | undefined,
    private readonly onActivity: () => void,
  ) {}

  get info(): EvaluatorInfo {
    return this.evaluator.info;
  }

  /** The score of a text that was scored before. */
  known(hash: Buffer): RewardScore | undefined {
    const name = hash.toString('latin1');
    const recent = this.recent.get(name);
    if (recent !== undefined) return recent;
    const stored = this.store?.get(scoreKey(this.info.modelHash, hash));
    return stored;
  }

  remember(hash: Buffer, score: RewardScore): void {
    const name = hash.toString('latin1');
    this.recent.delete(name);
    this.recent.set(name, score);
    if (this.recent.size > RECENT) {
      for (const oldest of this.recent.keys()) {
        this.recent.delete(oldest);
        break;
      }
    }
  }

  forget(): void {
    this.recent.clear();
  }

  /**
   * Results of a row's slots, in their order; those known are not scored again. New scores are in the
   * store before this resolves.
   * @throws AbortError when cancelled
   */
  async score(row: DatasetRow, slots: readonly Slot[], o: ScoreRequest): Promise<TargetResult[]> {
    const results = slots.map(({ hash }): TargetResult | undefined => {
      const score = this.known(hash);
      return score && { ok: true, score };
    });
    const missing = slots.flatMap((slot, n) => (results[n] === undefined ? [{ slot, n }] : []));
    if (missing.length > 0) {
      const asked = row.conversations
        .map((c, conversation) => ({
          wanted: missing.filter(({ slot }) => slot.conversation === conversation),
          messages: c.turns.map(({ role, content }) => ({ role, content })),
        }))
        .filter(({ wanted }) => wanted.length > 0);
      const conversations = asked.map(({ messages, wanted }) => ({
        messages,
        targets: wanted.map(({ slot }) => slot.target),
      }));
      this.queue += missing.length;
      this.onActivity();
      try {
        const answer = await this.evaluator.score({ conversations }, o);
        asked.forEach(({ wanted }, c) =>
          wanted.forEach(({ n }, t) => (results[n] = answer.results[c]?.[t])),
        );
        this.rate.add(missing.length);
      } finally {
        this.queue -= missing.length;
        this.onActivity();
      }
      await this.keep(missing.map(({ slot, n }) => ({ slot, result: results[n] })));
    }
    return results.map((r) => r ?? { ok: false, error: 'the engine gave no result' });
  }

  private async keep(fresh: readonly { slot: Slot; result: TargetResult | undefined }[]) {
    const entries: [Uint8Array, RewardScore][] = [];
    for (const { slot, result } of fresh) {
      if (result?.ok !== true) continue;
      this.remember(slot.hash, result.score);
      entries.push([scoreKey(this.info.modelHash, slot.hash), result.score]);
    }
    await this.store?.putMany(entries);
  }
}
