import { setMaxListeners } from 'node:events';
import type { GroupResult, ScoreGroup, ScoreOptions, TaggedGroups } from './types.js';

/** Groups kept under way: enough for full batches on several runners. */
const AHEAD = 256;

/**
 * The results of a stream of groups in its order, with at most `ahead` of them under way, whatever scores
 * them: `Evaluator.scoreStream` made of `score`. Ended early, it cancels what is under way.
 * @throws AbortError when cancelled; what `score` throws
 */
export async function* streamInOrder<T>(
  score: (group: ScoreGroup, options: ScoreOptions) => Promise<GroupResult>,
  groups: TaggedGroups<T>,
  options: ScoreOptions = {},
  ahead = AHEAD,
): AsyncGenerator<{ tag: T; result: GroupResult }> {
  const inner = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, inner.signal]) : inner.signal;
  setMaxListeners(0, signal); // one for each group under way
  const input =
    Symbol.asyncIterator in groups ? groups[Symbol.asyncIterator]() : groups[Symbol.iterator]();
  const waiting: { tag: T; result: Promise<GroupResult> }[] = [];
  let ended = false;
  try {
    for (;;) {
      while (!ended && waiting.length < ahead) {
        const next = await input.next();
        if (next.done === true) {
          ended = true;
          break;
        }
        const result = score(next.value.group, { ...options, signal });
        // Awaited in its turn; until then a rejection must not count as unhandled.
        result.catch(() => undefined);
        waiting.push({ tag: next.value.tag, result });
      }
      const first = waiting.shift();
      if (first === undefined) return;
      yield { tag: first.tag, result: await first.result };
    }
  } finally {
    inner.abort();
    await input.return?.();
  }
}
