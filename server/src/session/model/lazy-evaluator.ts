import type {
  Evaluator,
  EvaluatorInfo,
  GroupResult,
  ScoreGroup,
  ScoreOptions,
  TaggedGroups,
} from '../../engine/types.js';
import { identityOf } from '../../engine/index.js';
import { ModelChanged } from '../../errors.js';

/** An evaluator that is opened when something is to score; what its scores are called is known before. */
export class LazyEvaluator implements Evaluator {
  private opening: Promise<Evaluator> | undefined;
  private opened: Evaluator | undefined;
  /** It turned out to be another model: nothing is scored any more. */
  stale = false;

  /** @param open gives an evaluator; its identity must be that of `info` */
  constructor(
    readonly info: EvaluatorInfo,
    private readonly open: () => Promise<Evaluator>,
  ) {}

  static of(evaluator: Evaluator): LazyEvaluator {
    const lazy = new LazyEvaluator(evaluator.info, () => Promise.resolve(evaluator));
    lazy.opened = evaluator;
    return lazy;
  }

  get ready(): boolean {
    return this.opened !== undefined;
  }

  /** @throws Error when the model cannot be used; ModelChanged; then the next call tries again */
  async load(): Promise<Evaluator> {
    if (this.opened !== undefined) return this.opened;
    this.opening ??= this.begin().finally(() => (this.opening = undefined));
    return this.opening;
  }

  private async begin(): Promise<Evaluator> {
    const evaluator = await this.open();
    if (identityOf(evaluator.info) !== identityOf(this.info)) {
      this.stale = true;
      throw new ModelChanged(`${this.info.modelName} is another model now`);
    }
    return (this.opened = evaluator);
  }

  async score(group: ScoreGroup, options: ScoreOptions = {}): Promise<GroupResult> {
    const evaluator = this.opened ?? (await unlessAborted(this.load(), options.signal));
    return evaluator.score(group, options);
  }

  async *scoreStream<T>(
    groups: TaggedGroups<T>,
    options: ScoreOptions = {},
  ): AsyncGenerator<{ tag: T; result: GroupResult }> {
    const input =
      Symbol.asyncIterator in groups ? groups[Symbol.asyncIterator]() : groups[Symbol.iterator]();
    try {
      // A stream without a group needs no evaluator.
      const first = await input.next();
      if (first.done === true) return;
      const evaluator = this.opened ?? (await unlessAborted(this.load(), options.signal));
      const all = async function* () {
        yield first.value;
        for (let next = await input.next(); next.done !== true; next = await input.next())
          yield next.value;
      };
      yield* evaluator.scoreStream(all(), options);
    } finally {
      await input.return?.();
    }
  }

  async close(): Promise<void> {
    await this.opened?.close();
  }
}

/** The promise, given up when the signal fires. @throws the signal's reason */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return promise;
  let abort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
