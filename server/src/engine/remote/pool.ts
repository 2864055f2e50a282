import { messageOf, unawaited } from '../../errors.js';
import { EndpointError } from './http.js';

/** Requests that one engine is given at once: enough for full batches there. */
const AT_ONCE = 32;
/** Milliseconds that an engine which failed is left out: the first time, and at most. */
const FIRST_REST = 500;
const LONGEST_REST = 30_000;
/** Milliseconds without one answer from any engine, after which the work is given up. */
const PATIENCE = 300_000;

interface Place<E> {
  readonly engine: E;
  underWay: number;
  failures: number;
  /** Left out until then. */
  restsUntil: number;
}

interface Job<E> {
  readonly priority: number;
  readonly run: (engine: E) => Promise<void>;
  readonly fail: (error: Error) => void;
  readonly signal: AbortSignal | undefined;
}

/**
 * Work shared by engines: each job goes to the one that has the least under way. One that fails or is busy
 * is left out for a while (twice as long each time), and its jobs go to another; a job has one answer.
 */
export class EnginePool<E extends { readonly url: string }> {
  readonly #places: Place<E>[];
  readonly #waiting: Job<E>[] = [];
  #timer: NodeJS.Timeout | undefined;
  #lastAnswer = Date.now();
  #closed = false;

  /** @param warn told when an engine is left out, and when it is back */
  constructor(
    engines: readonly E[],
    private readonly warn: (message: string) => void = () => undefined,
    private readonly patience = PATIENCE,
  ) {
    this.#places = engines.map((engine) => ({
      engine,
      underWay: 0,
      failures: 0,
      restsUntil: 0,
    }));
  }

  /**
   * @throws EndpointError when an engine refuses it for good, or none answers any more; the signal's reason
   */
  run<T>(
    work: (engine: E) => Promise<T>,
    signal: AbortSignal | undefined,
    priority: number,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) return reject(new Error('the evaluator is closed'));
      if (signal?.aborted) return reject(signal.reason as Error);
      if (this.#waiting.length === 0 && this.#places.every((p) => p.underWay === 0))
        this.#lastAnswer = Date.now();
      const abort = () => {
        const at = this.#waiting.indexOf(job);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(signal?.reason as Error);
      };
      const job: Job<E> = {
        priority,
        signal,
        run: async (engine) => {
          const answer = await work(engine);
          signal?.removeEventListener('abort', abort);
          resolve(answer);
        },
        fail: (error) => {
          signal?.removeEventListener('abort', abort);
          reject(error);
        },
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#add(job);
      this.#pump();
    });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const job of this.#waiting.splice(0)) job.fail(new Error('the evaluator is closed'));
  }

  /** Behind those of its priority; one that comes back goes before them. */
  #add(job: Job<E>, first = false): void {
    const at = this.#waiting.findIndex((other) =>
      first ? other.priority <= job.priority : other.priority < job.priority,
    );
    this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, job);
  }

  #pump(): void {
    while (this.#waiting.length > 0) {
      const now = Date.now();
      const free = this.#places.filter(
        // Whoever failed is tried with one job first.
        (p) => p.restsUntil <= now && p.underWay < (p.failures > 0 ? 1 : AT_ONCE),
      );
      const place = free.sort((a, b) => a.underWay - b.underWay)[0];
      if (place === undefined) return this.#later();
      unawaited(this.#give(this.#waiting.shift()!, place), (error) => this.warn(messageOf(error)));
    }
  }

  #later(): void {
    if (this.#timer !== undefined || this.#closed) return;
    const rests = this.#places.map((p) => p.restsUntil).filter((t) => t > Date.now());
    if (rests.length === 0) return; // an answer is under way, and pumps when it comes
    const wait = Math.max(1, Math.min(...rests) - Date.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#pump();
    }, wait);
  }

  async #give(job: Job<E>, place: Place<E>): Promise<void> {
    place.underWay++;
    try {
      await job.run(place.engine);
      if (place.failures > 0) this.warn(`${place.engine.url} answers again`);
      place.failures = 0;
      this.#lastAnswer = Date.now();
    } catch (error) {
      this.#failed(error as Error, job, place);
    } finally {
      place.underWay--;
      this.#pump();
    }
  }

  #failed(error: Error, job: Job<E>, place: Place<E>): void {
    if (job.signal?.aborted) return; // told already
    if (!(error instanceof EndpointError) || error.ends) return job.fail(error);
    const now = Date.now();
    // Others that were under way fail with it: they are one failure.
    if (place.restsUntil <= now) {
      const rest = Math.min(LONGEST_REST, FIRST_REST * 2 ** place.failures++);
      place.restsUntil = now + (error.retryAfter ?? rest * (0.75 + Math.random() / 2));
      if (error.kind === 'down') this.warn(`${error.message}; left out for a while`);
    }
    if (now - this.#lastAnswer > this.patience)
      return job.fail(new Error(`no engine answers any more: ${error.message}`));
    this.#add(job, true);
  }
}
