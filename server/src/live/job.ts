import { cancelled } from '../errors.js';
import { manyListeners } from './debounced.js';

/** What is run and cancelled as a whole: one run at a time, each with a signal of its own. */
export class Job {
  private stop = manyListeners();
  private current: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;

  constructor(private readonly work: (signal: AbortSignal) => Promise<void>) {}

  /** Of the run that is under way or waits for one that is ending; aborted after `cancel`. */
  get signal(): AbortSignal {
    return this.stop.signal;
  }

  /** Is a run under way, or ending? */
  get active(): boolean {
    return this.current !== undefined;
  }

  /** A signal to work with outside of a run, which `cancel` ends too. */
  ready(): AbortSignal {
    if (this.stop.signal.aborted) this.stop = manyListeners();
    return this.stop.signal;
  }

  /**
   * Begins a run or joins the one under way; after `cancel` a new one begins as soon as that one has ended.
   * @param signal cancels this run, not those after it
   * @throws AbortError when it is cancelled; what the work throws
   */
  run(signal?: AbortSignal): Promise<void> {
    const run = this.current?.stop.signal.aborted === false ? this.current : this.begin();
    const cancel = () => run.stop.abort(cancelled('The audit was cancelled'));
    if (signal?.aborted === true) cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    return run.done.finally(() => signal?.removeEventListener('abort', cancel));
  }

  private begin(): { readonly stop: AbortController; readonly done: Promise<void> } {
    const ending = this.current?.done.catch(() => undefined);
    const signal = this.ready();
    const done =
      ending === undefined
        ? this.work(signal)
        : ending.then(() => {
            signal.throwIfAborted();
            return this.work(signal);
          });
    const run = {
      stop: this.stop,
      done: done.finally(() => {
        if (this.current === run) this.current = undefined;
      }),
    };
    return (this.current = run);
  }

  cancel(): void {
    this.stop.abort(cancelled('The audit was cancelled'));
  }

  /** Resolves when nothing runs any more, however it ended. */
  async ended(): Promise<void> {
    await this.current?.done.catch(() => undefined);
  }
}
