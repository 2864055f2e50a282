import { randomUUID } from 'node:crypto';
import { constants, openSync } from 'node:fs';
import { open, stat, unlink, type FileHandle } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatasetSource } from '../formats.js';

const CHUNK = 1 << 18;

type Stream = AsyncIterable<Uint8Array> & { ref?(): unknown; unref?(): unknown };

/**
 * What comes through a pipe once, kept in a file that has no name any more, so that it can be read
 * again: a report reads the texts a second time.
 */
class Spool {
  private readonly iterator: AsyncIterator<Uint8Array>;
  private size = 0;
  private ended = false;
  private pulling: Promise<void> | undefined;

  constructor(
    private readonly stream: Stream,
    private readonly file: FileHandle,
  ) {
    this.iterator = stream[Symbol.asyncIterator]();
    stream.unref?.();
  }

  static async of(stream: Stream): Promise<Spool> {
    const path = join(tmpdir(), `qrm-lens-${randomUUID()}`);
    const file = await open(path, 'wx+', 0o600);
    await unlink(path);
    return new Spool(stream, file);
  }

  private async pull(): Promise<void> {
    // Only whoever waits for the pipe keeps the process from ending.
    this.stream.ref?.();
    try {
      const next = await this.iterator.next();
      if (next.done === true) this.ended = true;
      else {
        await this.file.write(next.value, 0, next.value.length, this.size);
        this.size += next.value.length;
      }
    } finally {
      this.stream.unref?.();
    }
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; ;) {
      if (at < this.size) {
        const chunk = Buffer.allocUnsafe(Math.min(CHUNK, this.size - at));
        const { bytesRead } = await this.file.read(chunk, 0, chunk.length, at);
        at += bytesRead;
        yield chunk.subarray(0, bytesRead);
      } else if (this.ended) return;
      else await (this.pulling ??= this.pull().finally(() => (this.pulling = undefined)));
    }
  }
}

const spools = new Map<string, Promise<Spool>>();

/** Does a path on a command line stand for descriptor 0? */
export const isStandardInput = (path: string): boolean =>
  /^(?:-|\/dev\/stdin|\/(?:dev|proc\/(?:self|thread-self))\/fd\/0)$/.test(path) ||
  path === `/proc/${process.pid}/fd/0`;

/**
 * The source of a path on a command line: `-`, /dev/stdin and what else stands for descriptor 0 are standard input, pipes (`<(…)`, named
 * ones) are streams. Whatever is no pipe stays a path, and its reader says what is wrong with it.
 */
export async function commandLineSource(path: string): Promise<DatasetSource> {
  const input = isStandardInput(path);
  const found = input ? undefined : await stat(path).catch(() => undefined);
  if (!input && found?.isFIFO() !== true) return { path };
  let spool = spools.get(path);
  if (spool === undefined) {
    // Without O_NONBLOCK a pipe that nobody writes to would hold a thread until the end of days.
    const begin = async (): Promise<Spool> => {
      if (input) return Spool.of(process.stdin);
      const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      return Spool.of(new Socket({ fd, readable: true, writable: false }));
    };
    spools.set(path, (spool = begin()));
  }
  return { stream: (await spool).chunks(), name: path };
}
