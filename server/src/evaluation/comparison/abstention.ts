import type { Board, Contender } from '../board.js';
import type { Abstention } from '../../protocol/index.js';
import {
  bootstrapP,
  drawEach,
  interval,
  StepPacer,
  RiskOrder,
  seeded,
} from '../statistics/index.js';
import { judged } from './verdicts.js';

export interface AbstentionOptions {
  readonly replicates: number;
  readonly seed: number;
  readonly level: number;
  readonly tick?: () => Promise<void>;
  readonly progress?: (share: number) => void;
}

/** Decisions that all replicates look at, in all: more replicates are not drawn. Some seconds of one core. */
const WORK = 4e8;
const LEAST = 200;

/**
 * Accuracy when the least sure are left open, by what surety is taken from; the margin, a point model's, first.
 * Intervals and tests are of the area less that of the margin, by prompts drawn again: the decisions are sorted once
 * for each signal, and a replicate gives them weights.
 */
export async function abstentions(
  board: Board,
  items: Uint32Array,
  contender: Contender,
  { replicates, seed, level, tick, progress }: AbstentionOptions,
): Promise<Abstention[]> {
  const pace = new StepPacer(tick);
  const known = items.filter((i) => !Number.isNaN(contender.confidence.get(i)));
  const n = known.length;
  if (n === 0) return [];
  const margin = (i: number): number => Math.abs(contender.margin.get(i));
  const width = (i: number): number => contender.width.get(i);
  const signals = [
    { signal: 'margin', sure: margin },
    { signal: 'P(beats)', sure: (i: number) => contender.confidence.get(i) },
    { signal: 'margin / width', sure: (i: number) => margin(i) / width(i) },
    { signal: 'narrowness', sure: (i: number) => -width(i) },
  ] as const;
  const used = contender.distribution ? signals : signals.slice(0, 1);
  const { prompt, prompts } = await promptsOf(board, known, pace);
  const orders: RiskOrder[] = [];
  for (const { sure } of used)
    orders.push(
      await RiskOrder.of(
        n,
        (k) => sure(known[k]!),
        (k) => contender.credit[0]!.get(known[k]!),
        (k) => prompt[k]!,
        pace,
      ),
    );
  const found = orders.map((order) => order.curve());
  const [point, ...others] = found;
  if (others.length === 0) return [{ signal: 'margin', ...point! }];
  const drawn = Math.min(replicates, Math.max(LEAST, Math.floor(WORK / (n * orders.length))));
  const differences = others.map(() => new Float64Array(drawn));
  const weight = new Uint8Array(prompts);
  const random = seeded(seed);
  for (let b = 0; b < drawn; b++) {
    await drawEach(prompts, weight, random, pace);
    let base = 0;
    for (const [s, order] of orders.entries()) {
      const area = order.area(weight);
      if (s === 0) base = area;
      else differences[s - 1]![b] = area - base;
      if (pace.due(8 * n)) await pace.rest();
    }
    progress?.((b + 1) / drawn);
  }
  const tests = judged(
    others.map(({ area }, s) => {
      const [low, high] = interval(differences[s]!, level);
      return {
        value: area - point!.area,
        low,
        high,
        p: bootstrapP(differences[s]!),
        replicates: drawn,
      };
    }),
    level,
    -1,
  );
  return used.map(({ signal }, s) => ({
    signal,
    ...found[s]!,
    ...(s > 0 && { versusMargin: tests[s - 1]! }),
  }));
}

/** The prompt of each item, numbered anew in the order of their first items. */
async function promptsOf(
  board: Board,
  items: Uint32Array,
  pace: StepPacer,
): Promise<{ prompt: Uint32Array; prompts: number }> {
  // Number + 1; 0 where it has none yet.
  const ids = new Uint32Array(board.clusters);
  const prompt = new Uint32Array(items.length);
  let prompts = 0;
  for (let k = 0; k < items.length; k++) {
    const cluster = board.cluster.get(items[k]!);
    if (ids[cluster] === 0) ids[cluster] = ++prompts;
    prompt[k] = ids[cluster]! - 1;
    if (pace.due(4)) await pace.rest();
  }
  return { prompt, prompts };
}
