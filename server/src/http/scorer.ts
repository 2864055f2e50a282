import type { Evaluator, ScoreConversation, TargetResult } from '../engine/types.js';
import { Rate } from '../session/rate.js';
import { HttpError } from './errors.js';
import type { Metrics } from './metrics.js';

export interface ScorerLimits {
  /** Conversations that wait or run. */
  readonly maxQueue: number;
  /** Of one request. */
  readonly maxConversations: number;
  /** Of one conversation. */
  readonly maxTokens?: number;
}

/** Conversations of one request that are given to the engine together, so that they share beginnings. */
const GROUP = 16;
/** Seconds that a client is told to wait at most. */
const LONGEST_WAIT = 60;

/** Everybody's conversations through one evaluator, which batches them together; so many and no more. */
export class Scorer {
  private readonly rate = new Rate();
  /** Conversations that wait or run. */
  queue = 0;

  constructor(
    private readonly evaluator: Evaluator,
    private readonly limits: ScorerLimits,
    private readonly metrics: Metrics,
  ) {
    metrics.queue(() => this.queue);
  }

  get full(): boolean {
    return this.queue >= this.limits.maxQueue;
  }

  /**
   * The results of each conversation's targets.
   * @throws HttpError 413 or 429 when there are too many; the signal's reason
   */
  async score(
    conversations: readonly ScoreConversation[],
    signal: AbortSignal,
    priority = 0,
  ): Promise<readonly (readonly TargetResult[])[]> {
    const { maxConversations, maxQueue, maxTokens } = this.limits;
    const n = conversations.length;
    if (n > maxConversations)
      throw new HttpError(413, `${n} conversations in one request; at most ${maxConversations}`);
    if (this.queue + n > maxQueue) {
      this.metrics.refused.inc();
      throw new HttpError(429, 'the queue is full; try again later', this.wait(n));
    }
    signal.throwIfAborted();
    this.queue += n;
    let open = n;
    try {
      const limited = conversations.map((c) =>
        maxTokens === undefined
          ? c
          : { ...c, maxTokens: Math.min(maxTokens, c.maxTokens ?? maxTokens) },
      );
      const groups = Array.from({ length: Math.ceil(n / GROUP) }, (_, g) =>
        limited.slice(g * GROUP, (g + 1) * GROUP),
      );
      const scored = await Promise.all(
        groups.map(async (group) => {
          const { results } = await this.evaluator.score(
            { conversations: group },
            { signal, priority },
          );
          this.queue -= group.length;
          open -= group.length;
          this.rate.add(group.length);
          return results;
        }),
      );
      return this.counted(scored.flat());
    } finally {
      this.queue -= open;
    }
  }

  private counted(results: readonly (readonly TargetResult[])[]) {
    for (const result of results.flat()) {
      if (!result.ok) this.metrics.failed.inc();
      else {
        this.metrics.conversations.inc();
        this.metrics.tokens.inc(result.score.tokens);
      }
    }
    return results;
  }

  /** Seconds until there is likely room. */
  private wait(n: number): number {
    const perSecond = this.rate.perSecond();
    const over = this.queue + n - this.limits.maxQueue;
    if (perSecond === 0) return 1;
    return Math.min(LONGEST_WAIT, Math.max(1, Math.ceil(over / perSecond)));
  }
}
