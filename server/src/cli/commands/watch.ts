import { isBlank } from '../../blank.js';
import type { Evaluator } from '../../engine/types.js';
import { DEFAULT_TAU, quantileAt, rearrange } from '../../qrm/index.js';
import {
  followFiles,
  followUrl,
  MONITOR,
  Watch,
  type Score,
  type WatchEvent,
} from '../../policy/watch/index.js';
import { eventJson, StepTable, summary } from '../../policy/watch/show.js';
import { noneExists, type CommonOptions } from '../common.js';
import { openEvaluator } from '../engine.js';
import { EXIT } from '../errors.js';
import { onInterrupt } from '../interrupt.js';
import { isClosedPipe, print, terminal } from '../output/output.js';
import { loadingLine } from '../output/progress.js';

export type WatchCommandOptions = Pick<
  CommonOptions,
  'model' | 'device' | 'precision' | 'gpuMemory' | 'threads' | 'quiet'
> & {
  format: 'text' | 'jsonl';
  once?: boolean;
  score: boolean;
  window: number;
  klMin: number;
  klMax: number;
  lengthShare: number;
  top: number;
  failOnAlarm?: boolean;
};

export async function watchCommand(log: string, o: WatchCommandOptions): Promise<number> {
  const url = /^https?:\/\//i.test(log);
  if (!url && noneExists([log])) return EXIT.unreadable;
  const { signal } = onInterrupt();
  const scorer = new LazyScorer(o, signal);
  const watch = new Watch(
    {
      ...MONITOR,
      window: o.window,
      kl: [o.klMin, o.klMax],
      lengthShare: o.lengthShare,
      worst: o.top,
    },
    o.score ? (conversations) => scorer.score(conversations) : undefined,
  );
  const once = o.once ?? false;
  const events = url ? followUrl(log, { once, signal }) : followFiles(log, { once, signal });
  const table = new StepTable(terminal());
  const show = async (event: WatchEvent): Promise<void> => {
    if (o.format === 'jsonl') await print(`${eventJson(event)}\n`);
    else for (const line of table.lines(event)) await print(`${line}\n`);
  };
  try {
    for await (const event of watch.follow(events)) await show(event);
  } catch (error) {
    if (isClosedPipe(error)) return EXIT.ok;
    if (!signal.aborted) throw error;
  } finally {
    await scorer.close();
  }
  if (o.format === 'text') for (const line of summary(watch, terminal())) await print(`${line}\n`);
  if (watch.monitor.steps.size === 0) return EXIT.unreadable;
  return o.failOnAlarm === true && watch.monitor.alarms.length > 0 ? EXIT.findings : EXIT.ok;
}

/** The model, loaded when the log first has a response without a left tail. */
class LazyScorer {
  private opened: Promise<Evaluator> | undefined;

  constructor(
    private readonly o: WatchCommandOptions,
    private readonly signal: AbortSignal,
  ) {}

  private open(): Promise<Evaluator> {
    const loading = loadingLine(this.o.quiet ?? false);
    const { model, device, precision, threads, gpuMemory } = this.o;
    const options = { model, device, precision, threads, gpuMemory, signal: this.signal };
    return openEvaluator({ ...options, onProgress: loading.show }).finally(loading.clear);
  }

  readonly score: Score = async (conversations) => {
    const evaluator = await (this.opened ??= this.open());
    const { levels } = evaluator.info.spec;
    // Nothing was said: no model scores that.
    const said = conversations.map((messages) => !isBlank(messages.at(-1)?.content ?? ''));
    const asked = conversations
      .filter((_, n) => said[n])
      .map((messages) => ({ messages, targets: [messages.length - 1] }));
    const { results } =
      asked.length === 0
        ? { results: [] }
        : await evaluator.score({ conversations: asked }, { priority: 0, signal: this.signal });
    let next = 0;
    return said.map((is) => {
      const result = is ? results[next++]?.[0] : undefined;
      if (result?.ok !== true) return undefined;
      const { expectation: mean, quantiles, tokens } = result.score;
      return { mean, q05: quantileAt(rearrange(quantiles), levels, DEFAULT_TAU), tokens };
    });
  };

  async close(): Promise<void> {
    await (await this.opened?.catch(() => undefined))?.close();
  }
}
