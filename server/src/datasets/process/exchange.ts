import type { DatasetSource, Part } from '../formats.js';
import { openBytes } from '../input/source.js';
import type { ReaderDied } from './child.js';
import { lend } from './pool.js';
import { sentError, type FromReader, type Task } from './wire/messages.js';

/** What a reader says of a task, and the death of its process. */
export type Said = FromReader | ReaderDied;

/** The messages of one task, as they come. */
export class Exchange {
  private readonly lent = lend();
  private readonly queue: Said[] = [];
  private wake: (() => void) | undefined;
  private readonly chunks: AsyncGenerator<Uint8Array> | undefined;
  private ended = false;

  /** @param heard told of each message when it comes, before it is taken */
  constructor(
    source: DatasetSource,
    task: Task,
    private readonly signal: AbortSignal | undefined,
    private readonly heard?: (message: Said) => void,
  ) {
    const { child, id } = this.lent;
    child.begin(id, (message) => this.receive(message));
    signal?.addEventListener('abort', this.aborted, { once: true });
    const remote = 'path' in source ? { path: source.path } : { name: source.name };
    if (!('path' in source)) this.chunks = openBytes(source, 0, signal);
    child.send({ type: 'task', id, source: remote, task });
  }

  private readonly aborted = (): void => this.wake?.();

  private receive(message: Said): void {
    if ('type' in message && message.type === 'more')
      this.feed().catch(() => this.lent.child.kill());
    else {
      this.queue.push(message);
      this.heard?.(message);
    }
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
  async next(): Promise<Said> {
    for (;;) {
      this.signal?.throwIfAborted();
      const message = this.queue.shift();
      if (message !== undefined) {
        if (!('type' in message)) this.ended = true;
        else {
          this.ended = !['events', 'divided', 'parted'].includes(message.type);
          if ('stray' in message && message.stray === true) this.lent.child.kill();
        }
        return message;
      }
      await new Promise<void>((resolve) => (this.wake = resolve));
      this.wake = undefined;
    }
  }

  taken(weight: number): void {
    this.lent.child.send({ type: 'taken', id: this.lent.id, weight });
  }

  /** What is to be read next, where the task is of parts; undefined: nothing any more. */
  give(part: Part | undefined): void {
    this.lent.child.send({ type: 'part', id: this.lent.id, ...(part && { part }) });
  }

  async close(): Promise<void> {
    this.signal?.removeEventListener('abort', this.aborted);
    this.lent.giveBack(this.ended);
    await this.chunks?.return(undefined).catch(() => undefined);
  }
}
