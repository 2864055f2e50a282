// Lines of `qrm watch --format jsonl` on standard output. Figures that are not known are null.

/** A response of the policy that is trained. */
export interface WatchRollout {
  readonly step: number;
  readonly reward: number | null;
  readonly mean: number | null;
  readonly q05: number | null;
  readonly length: number | null;
  /** The response's beginning, control characters written out. */
  readonly text: string;
  /** The log and the line in it, from 1: `/runs/a/rollouts.jsonl:17`. */
  readonly place: string;
}

/** Means over a step's rollouts, KL in nats. */
export interface WatchStep {
  readonly step: number;
  readonly rollouts: number;
  readonly reward: number | null;
  readonly mean: number | null;
  readonly q05: number | null;
  readonly length: number | null;
  readonly kl: number | null;
  readonly entropy: number | null;
  readonly worst?: WatchRollout | null;
}

export interface WatchAlarm {
  readonly step: number;
  readonly kind: string;
  readonly message: string;
}

export type WatchMessage =
  /** A step that is whole, and the alarms that begin with it. */
  | {
      readonly type: 'step';
      readonly figures: WatchStep;
      readonly alarms: readonly WatchAlarm[];
    }
  /** Everything that was there has been read; what comes now is new. */
  | { readonly type: 'caught-up' }
  | { readonly type: 'note'; readonly message: string };
