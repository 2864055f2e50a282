import { setMaxListeners } from 'node:events';

/** Runs `action` once things are quiet for `ms`, and not before the last run has ended. */
export class Debounced {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  /** What was asked for meanwhile: how long after the run. */
  private again: number | undefined;
  private stopped = false;

  constructor(
    private readonly action: () => Promise<void>,
    private readonly fail: (error: unknown) => void,
  ) {}

  /** @param restart false keeps the time of a run that is already planned (a throttle) */
  request(ms: number, restart = false): void {
    if (this.stopped) return;
    if (this.running !== undefined) {
      this.again = Math.min(ms, this.again ?? ms);
      return;
    }
    if (this.timer !== undefined && !restart) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.run(), ms);
  }

  private run(): void {
    this.timer = undefined;
    this.running = this.action()
      .catch(this.fail)
      .finally(() => {
        this.running = undefined;
        const { again } = this;
        this.again = undefined;
        if (again !== undefined) this.request(again);
      });
  }

  /** Resolves when nothing is planned or running. */
  async settled(): Promise<void> {
    while (this.timer !== undefined || this.running !== undefined) {
      await (this.running ?? new Promise((resolve) => setTimeout(resolve, 5)));
    }
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}

/** A controller whose signal many rows in flight listen to: that is no leak. */
export function manyListeners(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
