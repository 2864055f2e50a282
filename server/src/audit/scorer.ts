import type { DatasetEvent, DatasetProblem, DatasetRow } from '../datasets/types.js';
import type { Evaluator, ScoreConversation, TargetResult } from '../engine/types.js';
import { contentHash, scoreKey, type ScoreStore } from '../store/index.js';

/** A response of a row with its score. */
export interface ScoredTarget {
  readonly conversation: number;
  readonly target: number;
  readonly hash: Buffer;
  readonly result: TargetResult;
  readonly fromStore: boolean;
}
export type ScoredEvent =
  | { readonly type: 'row'; readonly row: DatasetRow; readonly targets: readonly ScoredTarget[] }
  | { readonly type: 'problem'; readonly problem: DatasetProblem };

export interface ScoreRowsOptions {
  readonly evaluator: Evaluator;
  readonly store?: ScoreStore;
  readonly signal?: AbortSignal;
  readonly priority?: number;
  /** A row that is not wanted (already in the output) is passed over. */
  readonly skip?: (row: DatasetRow) => boolean;
}

interface Pending {
  readonly event: DatasetEvent;
  readonly slots: (ScoredTarget | Omit<ScoredTarget, 'result'>)[];
  missing: boolean;
}
/** Events that may wait, with their text, behind a row that is being scored. */
const WAITING = 512;

/**
 * Events in their file's order, rows with their scores: from the store where it has them, else from
 * the evaluator, whose scores are in the store before their row is yielded.
 * The rows found in the store wait behind one being scored; when too many do, the stream to the
 * evaluator is ended (which makes it finish) and another begun, so memory stays bounded.
 */
export async function* scoreRows(
  events: AsyncIterable<DatasetEvent>,
  options: ScoreRowsOptions,
): AsyncGenerator<ScoredEvent> {
  const { evaluator, store, signal, priority } = options;
  const input = events[Symbol.asyncIterator]();
  const waiting: Pending[] = [];
  let ended = false;

  async function* groups() {
    while (waiting.length < WAITING) {
      signal?.throwIfAborted();
      const next = await input.next();
      if (next.done) {
        ended = true;
        return;
      }
      const event = next.value;
      if (event.type === 'row' && options.skip?.(event.row)) continue;
      const pending = lookUp(event, evaluator.info.modelHash, store);
      waiting.push(pending);
      if (!pending.missing || event.type !== 'row') continue;
      const wanted = event.row.conversations.map((c, n): ScoreConversation => ({
        messages: c.turns.map(({ role, content }) => ({ role, content })),
        targets: pending.slots
          .filter((s) => s.conversation === n && !('result' in s))
          .map((s) => s.target),
      }));
      const asked = wanted.map((c, n) => ({ c, n })).filter(({ c }) => c.targets.length > 0);
      yield {
        group: { conversations: asked.map(({ c }) => c) },
        tag: { pending, asked: asked.map(({ n }) => n) },
      };
    }
  }

  try {
    while (!ended) {
      for await (const { tag, result } of evaluator.scoreStream(groups(), { signal, priority })) {
        await settle(tag.pending, tag.asked, result.results, evaluator.info.modelHash, store);
        while (waiting.length > 0 && !waiting[0]?.missing) yield done(waiting.shift() as Pending);
      }
      while (waiting.length > 0 && !waiting[0]?.missing) yield done(waiting.shift() as Pending);
    }
  } finally {
    await input.return?.();
  }
}

function lookUp(event: DatasetEvent, modelHash: string, store?: ScoreStore): Pending {
  if (event.type === 'problem') return { event, slots: [], missing: false };
  const slots = event.row.conversations.flatMap((c, conversation) =>
    c.targets.map((target) => {
      const hash = contentHash(c.turns, target);
      const score = store?.get(scoreKey(modelHash, hash));
      const slot = { conversation, target, hash, fromStore: score !== undefined };
      return score === undefined ? slot : { ...slot, result: { ok: true as const, score } };
    }),
  );
  return { event, slots, missing: slots.some((s) => !('result' in s)) };
}

async function settle(
  pending: Pending,
  asked: readonly number[],
  results: readonly (readonly TargetResult[])[],
  modelHash: string,
  store?: ScoreStore,
): Promise<void> {
  const entries: (readonly [Uint8Array, Parameters<ScoreStore['put']>[1]])[] = [];
  asked.forEach((conversation, c) => {
    let t = 0;
    pending.slots.forEach((slot, s) => {
      if (slot.conversation !== conversation || 'result' in slot) return;
      const result = checked(results[c]?.[t++]);
      pending.slots[s] = { ...slot, result };
      if (result.ok) entries.push([scoreKey(modelHash, slot.hash), result.score]);
    });
  });
  await store?.putMany(entries);
  pending.missing = false;
}

/** A score with NaN or infinity in it is no score: it would spoil every order and threshold. */
function checked(result: TargetResult | undefined): TargetResult {
  if (result === undefined) return { ok: false, error: 'the engine gave no result' };
  if (!result.ok) return result;
  const { quantiles, attributeQuantiles, gate, expectation } = result.score;
  const finite = (numbers: Float32Array) => numbers.every(Number.isFinite);
  const good =
    Number.isFinite(expectation) && finite(quantiles) && finite(gate) && finite(attributeQuantiles);
  return good ? result : { ok: false, error: 'the model gave a number that is not finite' };
}

function done(pending: Pending): ScoredEvent {
  if (pending.event.type === 'problem') return pending.event;
  return { type: 'row', row: pending.event.row, targets: pending.slots as ScoredTarget[] };
}
