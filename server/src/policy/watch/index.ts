import { cut, visible } from '../../audit/report/index.js';
import type { LogEvent } from './lines.js';
import {
  Monitor,
  type Alarm,
  type MonitorOptions,
  type Rollout,
  type StepFigures,
} from './monitor.js';
import { readRow, type LogRow } from './rollout.js';

export { followFiles, followUrl, type FollowOptions, type LogEvent } from './lines.js';
export { MONITOR, Monitor, riskOf, type Alarm, type Rollout, type StepFigures } from './monitor.js';
export { readRow, type LogRow } from './rollout.js';

export type Messages = NonNullable<LogRow['messages']>;

/** What a model says of responses that the log has no left tail of; undefined for one without a score. */
export type Score = (
  conversations: readonly Messages[],
) => Promise<readonly ({ mean: number; q05: number; tokens: number } | undefined)[]>;

export type WatchEvent =
  | { readonly type: 'step'; readonly figures: StepFigures; readonly alarms: readonly Alarm[] }
  | { readonly type: 'caught-up' }
  | { readonly type: 'note'; readonly message: string };

const EXCERPT = 400;
const BATCH = 64;

interface Pending {
  readonly row: LogRow & { readonly messages: Messages };
  readonly step: number;
  readonly place: string;
}

/**
 * Follows the events of a log and tells each step once it is whole: when a later one begins, or the log ends. Lines that
 * are no JSON are passed over and counted; those without anything of a training too.
 */
export class Watch {
  readonly monitor: Monitor;
  /** Lines that were read, and what of them was not understood. */
  lines = 0;
  notUnderstood = 0;
  scored = 0;
  private told = -Infinity;
  private latest = -Infinity;
  private unnumbered = 0;
  private pending: Pending[] = [];

  /** @param score undefined: responses without a left tail stay without */
  constructor(
    options: MonitorOptions,
    private readonly score: Score | undefined,
  ) {
    this.monitor = new Monitor(options);
  }

  async *follow(events: AsyncIterable<LogEvent>): AsyncGenerator<WatchEvent> {
    let live = false;
    for await (const event of events) {
      if (event.type === 'note') yield event;
      else if (event.type === 'line') {
        this.line(event.source, event.line, event.text);
        if (this.pending.length >= BATCH) await this.settle();
      } else {
        await this.settle();
        live ||= event.type === 'caught-up';
        // A step is whole when a later one has begun.
        if (live) yield* this.steps(this.latest - 1e-9);
        if (event.type === 'caught-up') yield event;
      }
    }
    await this.settle();
    yield* this.steps(Infinity);
  }

  private line(source: string, line: number, text: string): void {
    this.lines++;
    let row: LogRow | undefined;
    try {
      row = readRow(
        JSON.parse(text.replace(/\bNaN\b/g, 'null').replace(/-?\bInfinity\b/g, '1e999')),
      );
    } catch {
      row = undefined;
    }
    if (row === undefined) {
      this.notUnderstood++;
      return;
    }
    const { messages } = row;
    // Rollouts without a step are counted as they come: a step for every 64.
    const step =
      row.step ?? (messages ? Math.floor(this.unnumbered++ / 64) : Math.max(this.latest, 0));
    this.latest = Math.max(this.latest, step);
    if (messages === undefined) {
      const { reward, mean, q05, length, kl, entropy } = row;
      const known = Object.entries({ reward, mean, q05, length, kl, entropy });
      this.monitor.figures(step, Object.fromEntries(known.filter(([, x]) => x !== undefined)));
      return;
    }
    const pending = { row: { ...row, messages }, step, place: `${source}:${line}` };
    if (row.q05 === undefined && this.score !== undefined) this.pending.push(pending);
    else this.add(pending);
  }

  private async settle(): Promise<void> {
    const { pending } = this;
    this.pending = [];
    if (pending.length === 0 || this.score === undefined) return;
    const scores = await this.score(pending.map(({ row }) => row.messages));
    this.scored += scores.length;
    pending.forEach((p, n) => this.add(p, scores[n]));
  }

  private add({ row, step, place }: Pending, score?: { mean: number; q05: number }): void {
    const answer = row.messages.at(-1)?.content ?? '';
    const mean = score?.mean ?? row.mean ?? Number.NaN;
    const rollout: Rollout = {
      step,
      reward: row.reward ?? mean,
      mean,
      q05: score?.q05 ?? row.q05 ?? Number.NaN,
      // Where no tokens are told, characters are: it is the correlation that counts.
      length: row.length ?? answer.length,
      text: visible(cut(answer, EXCERPT)),
      place,
    };
    this.monitor.rollout(rollout);
  }

  private *steps(upTo: number): Generator<WatchEvent> {
    const ready = [...this.monitor.steps.values()]
      .filter(({ step }) => step > this.told && step <= upTo)
      .sort((a, b) => a.step - b.step);
    for (const figures of ready) {
      this.told = figures.step;
      yield { type: 'step', figures, alarms: this.monitor.check(figures.step) };
    }
  }
}
