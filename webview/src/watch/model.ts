import type {
  WatchAlarm,
  WatchMessage,
  WatchRollout,
  WatchStep,
} from '../../../server/src/protocol/index.js';

/** Worst rollouts that are kept, one of each step. */
const WORST = 50;
/** Points of a curve that are drawn. */
export const DRAWN = 600;

const known = (x: number | null | undefined): number => x ?? Number.NaN;

/** The left tail; where the log has none, the mean or the reward. */
export const riskOf = ({ q05, mean, reward }: WatchRollout): number => known(q05 ?? mean ?? reward);

export type FigureName = 'reward' | 'mean' | 'q05' | 'length' | 'kl' | 'entropy';

/** What a training's log has said so far. */
export class WatchModel {
  readonly steps: WatchStep[] = [];
  readonly alarms: WatchAlarm[] = [];
  /** The lowest left tail first. */
  readonly worst: WatchRollout[] = [];
  rollouts = 0;
  caughtUp = false;
  /** The last thing that the reader of the log said, such as a file that was begun anew. */
  note: string | undefined;

  take(events: readonly WatchMessage[]): void {
    for (const event of events) {
      if (event.type === 'caught-up') this.caughtUp = true;
      else if (event.type === 'note') this.note = event.message;
      else {
        const { figures, alarms } = event;
        this.steps.push(figures);
        this.rollouts += figures.rollouts;
        this.alarms.push(...alarms);
        if (figures.worst) this.put(figures.worst);
      }
    }
  }

  private put(rollout: WatchRollout): void {
    const risk = riskOf(rollout);
    if (Number.isNaN(risk)) return;
    const before = this.worst.findIndex((w) => riskOf(w) > risk);
    this.worst.splice(before < 0 ? this.worst.length : before, 0, rollout);
    this.worst.length = Math.min(this.worst.length, WORST);
  }

  /** Pairs of two figures of the steps that have both; neighbours are averaged where there are many. */
  series(x: FigureName | 'step', y: FigureName): { x: number[]; y: number[] } {
    const both = this.steps
      .map((s) => [known(s[x]), known(s[y])] as const)
      .filter((pair) => pair.every(Number.isFinite));
    const size = Math.ceil(both.length / DRAWN);
    const out: { x: number[]; y: number[] } = { x: [], y: [] };
    for (let from = 0; from < both.length; from += size) {
      const part = both.slice(from, from + size);
      out.x.push(part.reduce((sum, [a]) => sum + a, 0) / part.length);
      out.y.push(part.reduce((sum, [, b]) => sum + b, 0) / part.length);
    }
    return out;
  }

  /** What the trainer maximises is shown by its mean where the log has one. */
  get centre(): 'mean' | 'reward' {
    return this.steps.some(({ mean }) => Number.isFinite(known(mean))) ? 'mean' : 'reward';
  }

  /** The log and the line (from 1) of a rollout. */
  static placeOf({ place }: WatchRollout): { source: string; line: number } {
    const colon = place.lastIndexOf(':');
    return { source: place.slice(0, colon), line: Number(place.slice(colon + 1)) };
  }
}
