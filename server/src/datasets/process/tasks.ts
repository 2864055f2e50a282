/**
 * `readDataset` and `detectFormat` in a process of its own, with the signatures of `datasets/index`:
 * a file that makes a reader spin, run out of memory or crash costs that file and a message. (A thread
 * is not enough: V8 ends the whole process when one large allocation of a thread fails.)
 */
import { availableParallelism } from 'node:os';
import type { DatasetFormat, DatasetSource, FieldMapping, ReadOptions } from '../formats.js';
import { NeedsWhole } from '../part.js';
import { problem } from '../record.js';
import { sourceName } from '../input/source.js';
import type { DatasetEvent, Place } from '../types.js';
import { ReaderDied } from './child.js';
import { Cuts } from './cuts.js';
import { Exchange } from './exchange.js';
import { Lanes } from './lanes.js';
import { receivedError, type FromReader, type Task } from './wire/messages.js';
import type { WrittenRows } from './wire/pack.js';
import { Unpacker } from './wire/unpack.js';

const START: Place = { line: 0, column: 0, endLine: 0, endColumn: 0, start: 0, end: 0 };

/** As `readDataset` of datasets/index, in the reader's process. @throws AbortError when `signal` fires */
export const readDataset = (source: DatasetSource, options: ReadOptions = {}) =>
  // Nobody writes what was not asked for.
  readWritten(source, options, undefined) as AsyncGenerator<DatasetEvent>;

/** How a file is divided among readers. */
export interface Division {
  /** Bytes of a part, about. */
  readonly bytes: number;
  /** How many read it at most. */
  readonly readers: number;
}

/** A part takes a reader a tenth of a second, and its numbers are less than what may be on their way. */
const DIVISION: Division = { bytes: 1 << 20, readers: Math.min(4, availableParallelism()) };

/** A file's first part and where the others are cut; undefined where it is no file, or has one part alone. */
async function divided(source: DatasetSource, bytes: number) {
  if (!('path' in source)) return undefined;
  const cuts = await Cuts.open(source.path, bytes);
  const first = (await cuts?.next())?.to;
  if (cuts === undefined || first === undefined) return undefined;
  return { path: source.path, cuts, first };
}

/**
 * The same, with rows in the form that the reader's writers give them where they can. A file of JSON Lines of which they
 * can is read by several at once.
 * @param write says which form, to the writers of the reader's process
 */
export async function* readWritten(
  source: DatasetSource,
  options: ReadOptions,
  write: unknown,
  { bytes, readers }: Division = DIVISION,
): AsyncGenerator<DatasetEvent | WrittenRows> {
  const { signal, start, ...given } = options;
  signal?.throwIfAborted();
  let at: Place = START;
  let row = start?.row ?? 0;
  const several = write !== undefined && start === undefined && readers > 1;
  const parts = several ? await divided(source, bytes) : undefined;
  let how: 'divided' | 'whole' | 'careful' = parts === undefined ? 'whole' : 'divided';
  for (let again = false; ;) {
    const careful = how === 'careful';
    // What came before a death is not read again: the next one begins after it, and sends every event at once.
    const from = again ? { row } : start;
    const task = {
      do: 'read' as const,
      options: { ...given, ...(from !== undefined && { start: from }) },
      careful,
      // What writes may be what it died of.
      ...(!careful && write !== undefined && { write }),
    };
    const exchange =
      how === 'divided' && parts !== undefined
        ? new Lanes(parts.path, task, parts.first, parts.cuts, readers, signal)
        : new Exchange(source, task, signal);
    try {
      for (;;) {
        const message = await exchange.next();
        if (message === 'whole') {
          how = 'whole';
          break;
        }
        if (message instanceof ReaderDied) {
          if (!careful && message.pending && !('stream' in source)) {
            how = 'careful';
            again = true;
            break;
          }
          yield brokenOff(source, at, message.message);
          return;
        }
        if (message.type === 'done') return;
        if (message.type === 'failed') {
          signal?.throwIfAborted();
          if (message.error.name === NeedsWhole.NAME && how === 'divided') {
            how = 'whole';
            again = true;
            break;
          }
          yield brokenOff(source, at, message.error.message);
          return;
        }
        if (message.type !== 'events') continue;
        const before = exchange instanceof Lanes ? exchange.before : undefined;
        for (const event of new Unpacker(message.packed, before).events()) {
          const { place, index } = event.type === 'row' ? event.row : event.type === 'problem' ? event.problem : event; // prettier-ignore
          // What is said of the whole file was said at its beginning.
          if (again && index === undefined && place.end < at.end) continue;
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
  const exchange = new Exchange(source, task, signal);
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
