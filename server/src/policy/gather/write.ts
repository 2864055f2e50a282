import { take, type AuditSource } from '../../audit/index.js';
import { strictJson } from '../../audit/report/index.js';
import { chatMessage } from '../../datasets/index.js';
import { extreme } from '../best-of.js';
import { promptsOf, sizeOf } from '../samples.js';
import type { Pool } from './pool.js';

/** Samples with their texts, read from the files again, in the files' order. */
export interface SampleTexts {
  readonly sources: readonly AuditSource[];
  readonly pool: Pool;
  /** Rows taken from each file. */
  readonly limit?: number | undefined;
}

interface Text {
  readonly prompt: readonly unknown[];
  readonly response: readonly unknown[];
}

interface Wanted {
  readonly objective: string;
  /** Of each sample, by which it was chosen. */
  readonly scores: ArrayLike<number>;
}

/** Prompt and response as messages, with what belongs to all kinds of lines. */
function line({ sources, pool }: SampleTexts, { objective, scores }: Wanted, i: number) {
  const { file, row, line: at } = pool.origin(i);
  const { expectation, quantiles, levels } = pool.samples;
  const K = levels.length;
  return {
    objective,
    score: scores[i],
    mean: expectation[i],
    quantiles: K > 1 ? Array.from(quantiles.subarray(i * K, i * K + K)) : undefined,
    file: sources[file]?.path,
    row,
    line: at + 1,
  };
}

/** Best of n: one line a prompt, `prompt` and `completion` as TRL's conversational data sets have them. */
export async function* chosenLines(texts: SampleTexts, wanted: Wanted): AsyncGenerator<string> {
  const best = new Set(extreme(texts.pool.samples, wanted.scores, 'best'));
  const n = sizeAt(texts);
  for await (const [i, { prompt, response }] of textsOf(texts, (i) => best.has(i))) {
    yield strictJson({ prompt, completion: response, n: n(i), ...line(texts, wanted, i) });
  }
}

/**
 * The best against the worst of each prompt, as TRL's preference data sets have them, with `margin` = the difference of
 * their scores; where all scores are the same there is no pair. The text of one waits for the other's.
 */
export async function* pairLines(texts: SampleTexts, wanted: Wanted): AsyncGenerator<string> {
  const { samples } = texts.pool;
  const best = extreme(samples, wanted.scores, 'best');
  const worst = extreme(samples, wanted.scores, 'worst');
  const partner = new Map<number, number>();
  best.forEach((b, p) => {
    const w = worst[p]!;
    if (!(wanted.scores[b]! > wanted.scores[w]!)) return;
    partner.set(b, w);
    partner.set(w, b);
  });
  const chosen = new Set(best);
  const waiting = new Map<number, Text>();
  const n = sizeAt(texts);
  for await (const [i, text] of textsOf(texts, (i) => partner.has(i))) {
    const other = partner.get(i)!;
    const theirs = waiting.get(other);
    if (theirs === undefined) {
      waiting.set(i, text);
      continue;
    }
    waiting.delete(other);
    const [b, w, of, against] = chosen.has(i) ? [i, other, text, theirs] : [other, i, theirs, text];
    const [high, low] = [wanted.scores[b]!, wanted.scores[w]!];
    yield strictJson({
      prompt: of.prompt,
      chosen: of.response,
      rejected: against.response,
      margin: high - low,
      score_chosen: high,
      score_rejected: low,
      n: n(b),
      objective: wanted.objective,
      chosen_line: `${line(texts, wanted, b).file}:${texts.pool.origin(b).line + 1}`,
      rejected_line: `${line(texts, wanted, w).file}:${texts.pool.origin(w).line + 1}`,
    });
  }
}

/** Every sample with its weight under a tilt: they sum to 1 over a prompt's. */
export async function* weightLines(
  texts: SampleTexts,
  wanted: Wanted & { readonly weights: ArrayLike<number>; readonly beta: number },
): AsyncGenerator<string> {
  const n = sizeAt(texts);
  const prompt = promptAt(texts);
  const { beta, weights } = wanted;
  for await (const [i, text] of textsOf(texts, () => true)) {
    yield strictJson({
      prompt: text.prompt,
      completion: text.response,
      weight: weights[i],
      prompt_id: prompt(i),
      n: n(i),
      beta,
      ...line(texts, wanted, i),
    });
  }
}

function promptAt({ pool: { samples } }: SampleTexts): (i: number) => number {
  const { offsets } = samples;
  return (i) => {
    let [low, high] = [0, promptsOf(samples) - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (offsets[middle]! <= i) low = middle;
      else high = middle - 1;
    }
    return low;
  };
}

function sizeAt(texts: SampleTexts): (i: number) => number {
  const prompt = promptAt(texts);
  return (i) => sizeOf(texts.pool.samples, prompt(i));
}

/** The texts of the wanted samples, in the order of the files: one reading, one row at a time. */
async function* textsOf(
  { sources, pool, limit }: SampleTexts,
  wanted: (i: number) => boolean,
): AsyncGenerator<[number, Text]> {
  const N = pool.samples.expectation.length;
  const order = Uint32Array.from({ length: N }, (_, i) => i).filter(wanted);
  const rank = new Float64Array(N);
  for (const i of order) {
    const { file, row } = pool.origin(i);
    rank[i] = file * 2 ** 32 + row;
  }
  order.sort((a, b) => rank[a]! - rank[b]! || a - b);
  let next = 0;
  for (const [file, source] of sources.entries()) {
    if (next >= order.length) return;
    if (pool.origin(order[next]!).file !== file) continue;
    for await (const event of take(source.open(), limit)) {
      if (event.type !== 'row') continue;
      for (; next < order.length; next++) {
        const i = order[next]!;
        const at = pool.origin(i);
        if (at.file !== file || at.row !== event.row.index) break;
        const turns = event.row.conversations[at.conversation]?.turns ?? [];
        const response = turns[at.target];
        // The file changed since it was scored.
        if (response === undefined) continue;
        const prompt = turns.slice(0, at.target).map(chatMessage);
        yield [i, { prompt, response: [chatMessage(response)] }];
      }
      if (next >= order.length || pool.origin(order[next]!).file !== file) break;
    }
  }
}
