import { Trend } from './trend.js';

/** A rollout with its figures; NaN where not known. */
export interface Rollout {
  readonly step: number;
  readonly reward: number;
  readonly mean: number;
  readonly q05: number;
  readonly length: number;
  /** The response's beginning, and where it stands. */
  readonly text: string;
  readonly place: string;
}

/** Means over the rollouts of a step; what the trainer said of it. */
export interface StepFigures {
  readonly step: number;
  rollouts: number;
  reward: number;
  mean: number;
  q05: number;
  length: number;
  kl: number;
  entropy: number;
  worst: Rollout | undefined;
}

export interface Alarm {
  readonly step: number;
  readonly kind: 'tail-falls' | 'length-explains' | 'kl-out-of-bounds' | 'not-finite';
  readonly message: string;
}

export interface MonitorOptions {
  /** Steps looked at together. */
  readonly window: number;
  /** KL between these, in nats. */
  readonly kl: readonly [number, number];
  /** Share of the reward's variance within steps that length may explain. */
  readonly lengthShare: number;
  /** Worst rollouts kept. */
  readonly worst: number;
}

export const MONITOR: MonitorOptions = { window: 30, kl: [0, 20], lengthShare: 0.5, worst: 10 };

/** Fewer steps than this have no trend, and fewer rollouts no correlation. */
const LEAST_STEPS = 8;
const LEAST_ROLLOUTS = 40;
/** |t| of a slope above which it is one. */
const SURE = 3;

const put = (mean: number, n: number, x: number): number =>
  Number.isNaN(x) ? mean : n <= 1 || Number.isNaN(mean) ? x : mean + (x - mean) / n;

/** Sums of a step's rollouts for the correlation of reward with length. */
interface Moments {
  n: number;
  x: number;
  y: number;
  xx: number;
  yy: number;
  xy: number;
}

const signed = (x: number): string => `${x >= 0 ? '+' : '−'}${Math.abs(x).toPrecision(3)}`;

/**
 * What a training's log says, step by step, and when it drifts. An alarm is raised when it begins to be true, and again
 * only after it was not. Memory grows with steps, not with rollouts.
 */
export class Monitor {
  readonly steps = new Map<number, StepFigures>();
  readonly alarms: Alarm[] = [];
  /** By left tail, the lowest first. */
  readonly worst: Rollout[] = [];
  private readonly moments = new Map<number, Moments>();
  private readonly on = new Set<Alarm['kind']>();

  constructor(readonly options: MonitorOptions = MONITOR) {}

  private at(step: number): StepFigures {
    let figures = this.steps.get(step);
    if (figures === undefined) {
      const none = Number.NaN;
      figures = {
        step,
        rollouts: 0,
        reward: none,
        mean: none,
        q05: none,
        length: none,
        kl: none,
        entropy: none,
        worst: undefined,
      };
      this.steps.set(step, figures);
    }
    return figures;
  }

  rollout(r: Rollout): void {
    const s = this.at(r.step);
    s.rollouts++;
    for (const name of ['reward', 'mean', 'q05', 'length'] as const)
      s[name] = put(s[name], s.rollouts, r[name]);
    const low = riskOf(r);
    if (s.worst === undefined || low < riskOf(s.worst)) s.worst = r;
    const { worst } = this.options;
    if (!Number.isNaN(low) && (this.worst.length < worst || low < riskOf(this.worst.at(-1)!))) {
      const before = this.worst.findIndex((w) => riskOf(w) > low);
      this.worst.splice(before < 0 ? this.worst.length : before, 0, r);
      this.worst.length = Math.min(this.worst.length, worst);
    }
    const [x, y] = [r.length, r.reward];
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    const m = this.moments.get(r.step) ?? { n: 0, x: 0, y: 0, xx: 0, yy: 0, xy: 0 };
    m.n++;
    const [dx, dy] = [x - m.x, y - m.y];
    m.x += dx / m.n;
    m.y += dy / m.n;
    m.xx += dx * (x - m.x);
    m.yy += dy * (y - m.y);
    m.xy += dx * (y - m.y);
    this.moments.set(r.step, m);
  }

  /** What the trainer says of a step; where it has rollouts too, theirs count. */
  figures(
    step: number,
    f: Partial<Pick<StepFigures, 'reward' | 'mean' | 'q05' | 'length' | 'kl' | 'entropy'>>,
  ): void {
    const s = this.at(step);
    for (const name of ['reward', 'mean', 'q05', 'length'] as const)
      if (s.rollouts === 0) s[name] = f[name] ?? s[name];
    s.kl = f.kl ?? s.kl;
    s.entropy = f.entropy ?? s.entropy;
  }

  /** The last `window` steps up to one, in order. */
  private recent(step: number): StepFigures[] {
    const all = [...this.steps.values()].filter((s) => s.step <= step);
    return all.sort((a, b) => a.step - b.step).slice(-this.options.window);
  }

  /** To be asked once a step is whole. @returns the alarms that begin with it */
  check(step: number): Alarm[] {
    const recent = this.recent(step);
    const now = this.steps.get(step);
    const found = [
      this.tailFalls(recent),
      this.lengthExplains(recent),
      this.klOut(now),
      this.notFinite(now),
    ] as const;
    const kinds = ['tail-falls', 'length-explains', 'kl-out-of-bounds', 'not-finite'] as const;
    const fresh: Alarm[] = [];
    kinds.forEach((kind, n) => {
      const message = found[n];
      if (message === undefined) this.on.delete(kind);
      else if (!this.on.has(kind)) {
        this.on.add(kind);
        fresh.push({ step, kind, message });
      }
    });
    this.alarms.push(...fresh);
    return fresh;
  }

  /** The mean (or the reward, where no mean is known) rises while the left tail falls. */
  private tailFalls(recent: readonly StepFigures[]): string | undefined {
    const mean = new Trend();
    const tail = new Trend();
    for (const s of recent) {
      mean.add(s.step, Number.isNaN(s.mean) ? s.reward : s.mean);
      tail.add(s.step, s.q05);
    }
    // What is on the verge is told once, not at every step.
    const sure = this.on.has('tail-falls') ? SURE / 3 : SURE;
    if (Math.min(mean.n, tail.n) < LEAST_STEPS || !(mean.t > sure && tail.t < -sure))
      return undefined;
    const steps = tail.span;
    return `the mean rises (${signed(mean.slope * steps)}) while q05 falls (${signed(tail.slope * steps)}) over the last ${tail.n} steps`;
  }

  /** Within steps, so that both may grow over time for reasons of their own. */
  private lengthExplains(recent: readonly StepFigures[]): string | undefined {
    let [n, xx, yy, xy] = [0, 0, 0, 0];
    for (const { step } of recent) {
      const m = this.moments.get(step);
      if (m === undefined || m.n < 2) continue;
      n += m.n - 1;
      xx += m.xx;
      yy += m.yy;
      xy += m.xy;
    }
    const r = xy / Math.sqrt(xx * yy);
    const most = this.options.lengthShare * (this.on.has('length-explains') ? 0.8 : 1);
    if (n < LEAST_ROLLOUTS || !(r * r > most)) return undefined;
    return `length explains ${Math.round(100 * r * r)} % of the reward within steps (correlation ${signed(r)})`;
  }

  private klOut(now: StepFigures | undefined): string | undefined {
    const [low, high] = this.options.kl;
    if (now === undefined || Number.isNaN(now.kl)) return undefined;
    if (now.kl > high) return `KL is ${now.kl.toPrecision(3)} nats, above ${high}`;
    // Estimates of a step scatter around 0 at a training's beginning.
    if (now.kl < low - 0.1) return `KL is ${now.kl.toPrecision(3)} nats, below ${low}`;
    return undefined;
  }

  private notFinite(now: StepFigures | undefined): string | undefined {
    if (now === undefined) return undefined;
    for (const name of ['reward', 'kl', 'entropy'] as const)
      if (now[name] === Infinity || now[name] === -Infinity) return `${name} is not finite`;
    return undefined;
  }
}

/** The left tail; where the log has none, the mean or the reward. */
export const riskOf = (r: Rollout): number =>
  !Number.isNaN(r.q05) ? r.q05 : !Number.isNaN(r.mean) ? r.mean : r.reward;
