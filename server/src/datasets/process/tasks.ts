/**
 * `readDataset` and `detectFormat` in a process of its own, with the signatures of `datasets/index`:
 * a file that makes a reader spin, run out of memory or crash costs that file and a message. (A thread
 * is not enough: V8 ends the whole process when one large allocation of a thread fails.)
 */
import type { DatasetFormat, DatasetSource, FieldMapping, ReadOptions } from '../formats.js';
import { problem } from '../record.js';
import { openBytes, sourceName } from '../input/source.js';
import type { DatasetEvent, Place } from '../types.js';
import { ReaderDied } from './child.js';
import { receivedError, sentError, type FromReader, type Task } from './messages.js';
import type { WrittenRows } from './pack.js';
import { lend, type Lent } from './pool.js';
import { Unpacker } from './unpack.js';

const START: Place = { line: 0, column: 0, endLine: 0, endColumn: 0, start: 0, end: 0 };

/** The messages of one task, as they come. */
class Exchange {
  private readonly queue: (FromReader | ReaderDied)[] = [];
  private wake: (() => void) | undefined;
  private readonly chunks: AsyncGenerator<Uint8Array> | undefined;
  private ended = false;

  constructor(
    private readonly lent: Lent,
    source: DatasetSource,
    task: Task,
    private readonly signal: AbortSignal | undefined,
  ) {
    const { child, id } = lent;
    child.begin(id, (message) => this.receive(message));
    signal?.addEventListener('abort', this.aborted, { once: true });
    const remote = 'path' in source ? { path: source.path } : { name: source.name };
    if (!('path' in source)) this.chunks = openBytes(source, 0, signal);
    child.send({ type: 'task', id, source: remote, task });
  }

  private readonly aborted = (): void => this.wake?.();

  private receive(message: FromReader | ReaderDied): void {
    if (!(message instanceof ReaderDied) && message.type === 'more')
      this.feed().catch(() => this.lent.child.kill());
    else this.queue.push(message);
    this.wake?.();
  }

  private async feed(): Promise<void> {
    const { child, id } = this.lent;
    try {
      const next = await this.chunks?.next();
      if (next === undefined || next.done === true) child.send({ type: 'end', id });
      else child.send({ type: 'chunk', id, bytes: next.value });
    } catch (error) {
      child.send({ type: 'end', id, error: sentError(error) });
    }
  }

  /** @throws AbortError when the signal fires */
  async next(): Promise<FromReader | ReaderDied> {
    for (;;) {
      this.signal?.throwIfAborted();
      const message = this.queue.shift();
      if (message !== undefined) {
        this.ended = message instanceof ReaderDied || message.type !== 'events';
        if ('stray' in message && message.stray === true) this.lent.child.kill();
        return message;
      }
      await new Promise<void>((resolve) => (this.wake = resolve));
      this.wake = undefined;
    }
  }

  taken(weight: number): void {
    this.lent.child.send({ type: 'taken', id: this.lent.id, weight });
  }

  async close(): Promise<void> {
    this.signal?.removeEventListener('abort', this.aborted);
    this.lent.giveBack(this.ended);
    await this.chunks?.return(undefined).catch(() => undefined);
  }
}

/** As `readDataset` of datasets/index, in the reader's process. @throws AbortError when `signal` fires */
export const readDataset = (source: DatasetSource, options: ReadOptions = {}) =>
  // Nobody writes what was not asked for.
  readWritten(source, options, undefined) as AsyncGenerator<DatasetEvent>;

/**
 * The same, with rows in the form that the reader's writers give them where they can.
 * @param write says which form, to the writers of the reader's process
 */
export async function* readWritten(
  source: DatasetSource,
  options: ReadOptions,
  write: unknown,
): AsyncGenerator<DatasetEvent | WrittenRows> {
  const { signal, start, ...given } = options;
  signal?.throwIfAborted();
  let at: Place = START;
  let row = start?.row ?? 0;
  for (let attempt = 0; ; attempt++) {
    // What came before a death is not read again: the next one begins after it, and sends every event at once.
    const from = attempt === 0 ? start : { row };
    const task: Task = {
      do: 'read',
      options: { ...given, ...(from !== undefined && { start: from }) },
      careful: attempt > 0,
      // What writes may be what it died of.
      ...(attempt === 0 && write !== undefined && { write }),
    };
    const exchange = new Exchange(lend(), source, task, signal);
    try {
      for (;;) {
        const message = await exchange.next();
        if (message instanceof ReaderDied) {
          if (attempt === 0 && message.pending && !('stream' in source)) break;
          yield brokenOff(source, at, message.message);
          return;
        }
        if (message.type === 'done') return;
        if (message.type === 'failed') {
          signal?.throwIfAborted();
          yield brokenOff(source, at, message.error.message);
          return;
        }
        if (message.type !== 'events') continue;
        for (const event of new Unpacker(message.packed).events()) {
          const { place, index } = event.type === 'row' ? event.row : event.type === 'problem' ? event.problem : event; // prettier-ignore
          // What is said of the whole file was said at its beginning.
          if (attempt > 0 && index === undefined && place.end < at.end) continue;
          yield event;
          signal?.throwIfAborted();
          at = place;
          if (index !== undefined) row = index + 1;
        }
        exchange.taken(message.weight);
      }
    } finally {
      await exchange.close();
    }
  }
}

const brokenOff = (source: DatasetSource, { endLine, endColumn, end }: Place, why: string) =>
  problem(
    undefined,
    { line: endLine, column: endColumn, endLine, endColumn, start: end, end },
    'unreadable',
    `${sourceName(source)} cannot be read on: ${why}`,
  );

async function ask(
  source: DatasetSource,
  task: Task,
  signal?: AbortSignal,
): Promise<FromReader & { type: 'found' | 'counted' }> {
  signal?.throwIfAborted();
  const exchange = new Exchange(lend(), source, task, signal);
  try {
    for (;;) {
      const message = await exchange.next();
      if (message instanceof ReaderDied)
        throw new Error(`${sourceName(source)} cannot be read: ${message.message}`);
      if (message.type === 'failed') throw receivedError(message.error);
      if (message.type === 'found' || message.type === 'counted') return message;
    }
  } finally {
    await exchange.close();
  }
}

/** As `detectFormat` of datasets/index, in the reader's process. @throws what reading the file throws */
export async function detectFormat(
  source: DatasetSource,
  signal?: AbortSignal,
  mapping?: FieldMapping,
): Promise<DatasetFormat | undefined> {
  const found = await ask(source, { do: 'detect', ...(mapping && { mapping }) }, signal);
  return found.type === 'found' ? found.format : undefined;
}

/** Rows of a file that is no text, by its footer. @throws Error when it has none that can be read */
export async function rowCount(path: string): Promise<number> {
  const counted = await ask({ path }, { do: 'count' });
  return counted.type === 'counted' ? counted.rows : 0;
}
