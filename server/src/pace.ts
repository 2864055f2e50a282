import { setImmediate } from 'node:timers/promises';

/**
 * Longest run of work without letting messages in. Several loops run in one turn, and a hover takes some turns:
 * it must be answered within 50 ms.
 */
const SLICE_MS = 2;
/** The same of a command, which only has to hear a signal. */
const COMMAND_MS = 20;

/** Lets the event loop turn whenever the slice is used up. */
export class Pacer {
  private since = performance.now();

  constructor(private readonly slice = SLICE_MS) {}

  /** @throws AbortError when `signal` fires */
  async tick(signal?: AbortSignal): Promise<void> {
    if (!this.due) return;
    await setImmediate();
    signal?.throwIfAborted();
    this.since = performance.now();
  }

  /** For loops so tight that a promise for each step would cost more than the step. */
  get due(): boolean {
    return performance.now() - this.since >= this.slice;
  }
}

/** The items of a stream that may never wait for anything, with turns of the event loop between them. */
export async function* paced<T>(items: AsyncIterable<T>, signal?: AbortSignal): AsyncGenerator<T> {
  const pacer = new Pacer();
  for await (const item of items) {
    yield item;
    await pacer.tick(signal);
  }
}

/**
 * Does all steps of some work, and hears its signal between them.
 * @param pacer a command's; a server has its own
 * @throws AbortError when `signal` fires
 */
export async function stepped<T>(
  steps: Generator<unknown, T>,
  signal: AbortSignal | undefined,
  pacer = new Pacer(COMMAND_MS),
): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (pacer.due) await pacer.tick(signal);
  }
}
