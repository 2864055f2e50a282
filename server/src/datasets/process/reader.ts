import type { DatasetSource } from '../formats.js';
import type { Part, PartSize } from '../formats.js';
import { countRows, detectFormat, readDataset, readPart } from '../index.js';
import type { DatasetEvent } from '../types.js';
import { onProgress } from '../input/source.js';
import {
  receivedError,
  sentError,
  type FromReader,
  type Task,
  type ToReader,
} from './wire/messages.js';
import { Packer, type WriteRow } from './wire/pack.js';
import { Pulse } from './watchdog.js';
import { cancelled } from '../../errors.js';

/** Events are sent when they weigh this much, or when the reader waits for bytes. */
const BATCH = 1 << 17;
/** What may be on its way and not taken yet: so much is in memory, and one record. */
const AHEAD = 4 << 20;

/** @param left told when the message is on its way to the other process, and no longer in this one */
const send = (message: FromReader, left: () => void = () => undefined): void => {
  if (process.connected) process.send?.(message, undefined, undefined, left);
};

/** Rows in a form of another layer, for one file. */
export interface Writer {
  readonly write: WriteRow;
  close(): Promise<void>;
}
/** Who writes rows, by what a task asks; undefined where that cannot be had: then rows are sent as they are. */
export type Writers = (asked: unknown) => Promise<Writer | undefined>;

/** The body of the process: one task at a time. */
export function readerMain(script: URL, writers: Writers): void {
  const pulse = new Pulse(script);
  let work: Work | undefined;
  onProgress(() => pulse.beat());
  // Ctrl-C goes to all processes of a terminal: whoever started this one decides when it ends.
  process.on('SIGINT', () => undefined).on('SIGTERM', () => undefined);
  process.on('disconnect', () => process.exit());
  // A library's promise that nobody waits for is an error of the file that is read.
  const stray = (error: unknown): void => work?.fail(error, true);
  process.on('unhandledRejection', stray).on('uncaughtException', stray);
  process.on('message', (message: ToReader) => {
    if (message.type === 'task') {
      pulse.busy = true;
      work = new Work(message.id, pulse, writers);
      const source = 'path' in message.source ? message.source : work.streamed(message.source.name);
      work
        .run(source, message.task)
        .finally(() => (pulse.busy = false))
        .catch(stray);
    } else if (message.id === work?.id) work.receive(message);
  });
}

/** One task: what it was asked, what it has sent, what it waits for. */
class Work {
  private readonly packer = new Packer();
  private readonly stop = new AbortController();
  private ended = false;
  /** Weight that is sent and not taken. */
  private ahead = 0;
  /** Messages with events that have not left this process. */
  private leaving = 0;
  private planned = false;
  private wake: (() => void) | undefined;
  private readonly chunks: Uint8Array[] = [];
  /** Parts that are to be read; the last is undefined. */
  private readonly parts: (Part | undefined)[] = [];
  private last = false;
  private broken: Error | undefined;

  constructor(
    readonly id: number,
    private readonly pulse: Pulse,
    private readonly writers: Writers,
  ) {}

  receive(message: Exclude<ToReader, { type: 'task' }>): void {
    if (message.type === 'taken') this.ahead -= message.weight;
    else if (message.type === 'chunk') this.chunks.push(message.bytes);
    else if (message.type === 'part') this.parts.push(message.part);
    else if (message.type === 'cancel') this.stop.abort(cancelled('The reading was cancelled'));
    else {
      this.last = true;
      if (message.error !== undefined) this.broken = receivedError(message.error);
    }
    this.woken();
  }

  private woken(): void {
    this.wake?.();
    this.wake = undefined;
  }

  private waiting(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve));
  }

  /** The bytes that whoever asks has: a chunk at a time, each on demand. */
  streamed(name: string): DatasetSource {
    const { chunks, stop } = this;
    const next = async (): Promise<Uint8Array | undefined> => {
      if (chunks.length === 0 && !this.last) send({ type: 'more', id: this.id });
      while (chunks.length === 0 && !this.last) {
        stop.signal.throwIfAborted();
        await this.waiting();
      }
      if (chunks.length === 0 && this.broken !== undefined) throw this.broken;
      return chunks.shift();
    };
    async function* stream(): AsyncGenerator<Uint8Array> {
      for (let chunk = await next(); chunk !== undefined; chunk = await next()) yield chunk;
    }
    return { stream: stream(), name };
  }

  async run(source: DatasetSource, task: Task): Promise<void> {
    try {
      if (task.do === 'count') {
        this.answer({ type: 'counted', id: this.id, rows: await countRows(source) });
      } else if (task.do === 'detect') {
        const format = await detectFormat(source, this.stop.signal, task.mapping);
        this.answer({ type: 'found', id: this.id, format });
      } else await this.readBy(source, task);
    } catch (error) {
      this.fail(error);
    }
  }

  private async readBy(source: DatasetSource, task: Task & { do: 'read' }): Promise<void> {
    const writer = task.write === undefined ? undefined : await this.writers(task.write);
    const { write } = writer ?? {};
    try {
      if (task.first !== 0 && !(await this.readFirst(source, task, write))) return this.done();
      for (let part = await this.nextPart(); part; part = await this.nextPart())
        if (!('path' in source) || !(await this.readOn(source.path, part, task, write))) break;
      this.done();
    } finally {
      await writer?.close();
    }
  }

  /** Reads the file, or the first part of it. @returns whether others follow */
  private async readFirst(
    source: DatasetSource,
    { options, first: to, careful }: Task & { do: 'read' },
    write: WriteRow | undefined,
  ): Promise<boolean> {
    const { signal } = this.stop;
    let size: PartSize | undefined;
    const until = to !== undefined && {
      to,
      divided: () => send({ type: 'divided', id: this.id }),
      ended: (held: PartSize) => (size = held),
    };
    for await (const event of readDataset(source, {
      ...options,
      signal,
      ...(until && { until }),
    })) {
      if (this.ended) return false;
      this.pack(event, write);
      if (careful || this.packer.weight >= BATCH) this.flush();
      else this.plan();
      // What is to be read next may be the end of this process.
      await this.room(careful);
    }
    return this.parted(size);
  }

  /** Reads a part. @returns whether others follow */
  private async readOn(
    path: string,
    part: Part,
    { options }: Task & { do: 'read' },
    write: WriteRow | undefined,
  ): Promise<boolean> {
    const events = readPart(path, part, { ...options, signal: this.stop.signal });
    for (;;) {
      const next = await events.next();
      if (next.done === true) return this.parted(next.value);
      for (const event of next.value) {
        if (this.ended) return false;
        this.pack(event, write);
        if (this.packer.weight >= BATCH) this.flush();
      }
      this.plan();
      await this.room(false);
    }
  }

  private parted(size: PartSize | undefined): boolean {
    if (size === undefined || this.ended) return false;
    this.flush();
    send({ type: 'parted', id: this.id, ...size });
    return true;
  }

  private async nextPart(): Promise<Part | undefined> {
    while (this.parts.length === 0) {
      this.stop.signal.throwIfAborted();
      await this.waiting();
    }
    return this.parts.shift();
  }

  private at = { end: -1, line: -1 };
  private pack(event: DatasetEvent, write: WriteRow | undefined): void {
    const { end, line } = event.type === 'row' ? event.row.place : event.problem.place;
    // An event at the place of the one before is no progress: a reader may make them without end.
    if (end !== this.at.end || line !== this.at.line) this.pulse.beat();
    this.at = { end, line };
    this.packer.add(event, write);
    this.tellPending();
  }

  /** Waits until there is room for more on the way. */
  private async room(careful: boolean): Promise<void> {
    const { signal } = this.stop;
    while ((this.ahead > AHEAD || (careful && this.leaving > 0)) && !signal.aborted)
      await this.waiting();
  }

  /** Sends what there is as soon as the reader waits for bytes. */
  private plan(): void {
    if (this.planned) return;
    this.planned = true;
    setImmediate(() => {
      this.planned = false;
      this.flush();
    });
  }

  private flush(): void {
    if (this.packer.count === 0 || this.ended) return;
    const { weight } = this.packer;
    this.ahead += weight;
    this.leaving++;
    send({ type: 'events', id: this.id, weight, packed: this.packer.take() }, () => {
      this.leaving--;
      this.tellPending();
      this.woken();
    });
    this.tellPending();
  }

  private tellPending(): void {
    this.pulse.pending = this.packer.count + this.leaving;
  }

  private done(): void {
    this.answer({ type: 'done', id: this.id });
  }

  private answer(message: FromReader): void {
    if (this.ended) return;
    this.flush();
    this.ended = true;
    send(message);
  }

  fail(error: unknown, stray = false): void {
    this.answer({ type: 'failed', id: this.id, error: sentError(error), stray });
  }
}
