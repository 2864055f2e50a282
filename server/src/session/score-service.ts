import type { DatasetRow } from '../datasets/types.js';
import { identityOf } from '../engine/index.js';
import type { EvaluatorInfo } from '../engine/types.js';
import type { RewardScore } from '../qrm/types.js';
import { scoreKey, type ScoreStore } from '../store/index.js';
import type { LazyEvaluator } from './model/lazy-evaluator.js';
import { Rate } from './rate.js';
import { RowScores, type FreshScore, type ScoredTarget } from './row-scores.js';
import type { Slot } from './slots.js';

const RECENT = 4096;

/** Where scores are kept: the store, or what a cluster wrote. */
export type KeptScores = Pick<ScoreStore, 'get' | 'putMany'> &
  Partial<Pick<ScoreStore, 'stats' | 'file'>>;

export interface ScoreRequest {
  readonly priority: number;
  readonly signal?: AbortSignal;
}

/** Scores by content: what was scored lately, then the store, then the evaluator. */
export class ScoreService {
  /** Raw scores of the last responses: hovers and edits need them again, with or without a store. */
  private readonly recent = new Map<string, RewardScore>();
  readonly rate = new Rate();
  /** Tokens of what the evaluator scored. */
  readonly tokens = new Rate();
  /** Responses that wait for the evaluator. */
  queue = 0;

  constructor(
    readonly evaluator: LazyEvaluator,
    readonly store: KeptScores | undefined,
    private readonly onActivity: () => void = () => undefined,
  ) {}

  get info(): EvaluatorInfo {
    return this.evaluator.info;
  }

  /** The score of a text that was scored before. */
  known(hash: Buffer): RewardScore | undefined {
    return this.recent.get(hash.toString('latin1')) ?? this.stored(hash);
  }

  /** The same from the store alone: who goes through a file once has no use for what was lately scored. */
  stored(hash: Buffer): RewardScore | undefined {
    return this.store?.get(scoreKey(identityOf(this.info), hash));
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
   * The scores of a row's responses; those known are not scored again. New scores are in the store before
   * this resolves.
   * @throws AbortError when cancelled; what the evaluator throws
   */
  async score(row: DatasetRow, slots: readonly Slot[], o: ScoreRequest): Promise<ScoredTarget[]> {
    const scores = new RowScores(row, slots, (hash) => this.known(hash));
    const { missing } = scores;
    if (missing === 0) return scores.targets;
    this.queue += missing;
    this.onActivity();
    try {
      const fresh = scores.settle(await this.evaluator.score(scores.group(), o));
      this.rate.add(missing);
      for (const { slot, score } of fresh) this.remember(slot.hash, score);
      await this.keep(fresh);
    } finally {
      this.queue -= missing;
      this.onActivity();
    }
    return scores.targets;
  }

  /** Puts new scores into the store. */
  async keep(fresh: readonly FreshScore[]): Promise<void> {
    if (fresh.length === 0) return;
    this.tokens.add(fresh.reduce((n, { score }) => n + score.tokens, 0));
    const own = identityOf(this.info);
    await this.store?.putMany(
      fresh.map(({ slot, score, by = own }) => [scoreKey(by, slot.hash), score] as const),
    );
  }
}
