import { partBytes, sourceName } from './input/source.js';
import { ByteWindow } from './input/window.js';
import { JsonLines } from './json/readers.js';
import type { ValueNode } from './json/nodes.js';
import { isAlone } from './logs/batch-input.js';
import { DEFAULT_MAX_ROW_BYTES, type Part, type PartSize, type ReadOptions } from './formats.js';
import { between, problem } from './record.js';
import type { DatasetEvent } from './types.js';
import { messageOf } from '../errors.js';

/** Events that are given at once, about: whoever takes them is busy for a millisecond or two. */
const BATCH = 64;

/** A part of a file holds something that only the file as a whole explains. */
export class NeedsWhole extends Error {
  /** By which it is known where it comes as a message. */
  static readonly NAME = 'NeedsWhole';
  override readonly name = NeedsWhole.NAME;
}

/** A record of a part. @throws NeedsWhole where it has its prompt from another file, which the first one of all chooses */
export function byItself(record: ValueNode): ValueNode {
  if (isAlone(record)) throw new NeedsWhole('the prompts of this file stand in another one');
  return record;
}

/**
 * The events of a part of a file of JSON Lines that is not the first. Lines and records are counted from the part's
 * beginning, bytes from the file's. Returns how much it held; undefined where it could not be read to its end, which
 * is told by a problem.
 * @throws AbortError when `signal` fires; NeedsWhole
 */
export async function* readPart(
  path: string,
  part: Part,
  { signal, mapping, aside, maxRowBytes = DEFAULT_MAX_ROW_BYTES }: ReadOptions,
): AsyncGenerator<DatasetEvent[], PartSize | undefined> {
  const bytes = partBytes(path, part, signal);
  const window = new ByteWindow(bytes, { byte: part.from, line: 0, column: 0 });
  const o = { mapping, aside, maxRowBytes, firstRow: 0, complete: byItself };
  const lines = new JsonLines(window, o);
  let batch: DatasetEvent[] = [];
  try {
    for (let next = lines.next(); next !== 'end'; next = lines.next()) {
      if (typeof next !== 'string') batch.push(...next);
      else if (next === 'oversized') batch.push(await lines.pass());
      if (batch.length < BATCH && typeof next !== 'string') continue;
      if (batch.length > 0) yield batch;
      batch = [];
      signal?.throwIfAborted();
      if (next === 'bytes') await window.fill();
    }
    if (batch.length > 0) yield batch;
    signal?.throwIfAborted();
    const at = window.position();
    if (window.failure === undefined) return { records: lines.index, lines: at.line };
    const message = `${sourceName({ path })} cannot be read on: ${messageOf(window.failure)}`;
    yield [problem(undefined, between(at, at), 'unreadable', message)];
    return undefined;
  } finally {
    await bytes.return(undefined);
  }
}
