import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { byteSize } from '../../protocol/index.js';
import type { FromReader, LastWords, ToReader } from './wire/messages.js';

/** JavaScript's heap of a reader, in MB: the longest record takes a part of it. */
const HEAP_MB = 1024;
/** Of it, what is new, in MB: at 4 a reader is as fast as at Node's own 16, and takes 25 MB less. */
const YOUNG_MB = 4;
const KEPT = 8000;

/** dist/reader.js: beside the bundle that runs, or in the package when run from source. */
function readerScript(): string {
  const beside = fileURLToPath(new URL('./reader.js', import.meta.url));
  // Run from source, this file's own neighbour of that name is no bundle.
  if (import.meta.url.includes('/dist/') || !import.meta.url.endsWith('.ts')) {
    if (existsSync(beside)) return beside;
  }
  return fileURLToPath(new URL('../../../../dist/reader.js', import.meta.url));
}

/** The death of a reader's process, in words for whoever reads the file. */
export class ReaderDied extends Error {
  constructor(
    message: string,
    /** It may have had events in its hands that it did not send. */
    readonly pending: boolean,
  ) {
    super(message);
  }
}

/** The process that reads data files, as its parent sees it: one task at a time. */
export class ReaderChild {
  private readonly child: ChildProcess;
  private words = '';
  private listener: ((message: FromReader | ReaderDied) => void) | undefined;
  private died: ReaderDied | undefined;
  /** Of the task under way. */
  id = 0;

  constructor() {
    this.child = fork(readerScript(), [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [`--max-old-space-size=${HEAP_MB}`, `--max-semi-space-size=${YOUNG_MB}`],
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.words = (this.words + text).slice(-KEPT);
      if (process.env['QRM_DEBUG'] === '1') process.stderr.write(text);
    });
    this.child.on('message', (message: FromReader) => {
      if (message.id === this.id) this.listener?.(message);
    });
    this.child.on('error', (error) => this.end(`its process cannot be started: ${error.message}`));
    // After `exit` there may be messages and words on their way; after `close` there are none.
    this.child.on('close', (code, signal) => this.end(this.explain(code, signal)));
    this.hold(false);
  }

  get alive(): boolean {
    return this.died === undefined && !this.child.killed;
  }

  /** Does this process wait for the reader before it ends by itself? */
  private hold(busy: boolean): void {
    const stderr = this.child.stderr as unknown as { ref?(): void; unref?(): void } | null;
    if (busy) {
      this.child.ref();
      this.child.channel?.ref();
      stderr?.ref?.();
    } else {
      this.child.unref();
      this.child.channel?.unref();
      stderr?.unref?.();
    }
  }

  /** Begins a task; `listener` has its messages, and the death of the process if it comes. */
  begin(id: number, listener: (message: FromReader | ReaderDied) => void): void {
    this.id = id;
    this.listener = listener;
    this.hold(true);
    if (this.died !== undefined) listener(this.died);
  }

  /** The task is over. @param listen whether what still comes of it is heard */
  rest(listen = false): void {
    if (!listen) this.listener = undefined;
    this.hold(false);
  }

  send(message: ToReader): void {
    if (this.child.connected) this.child.send(message, () => undefined);
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  private end(why: string): void {
    if (this.died !== undefined) return;
    const last = this.lastWords();
    this.died = new ReaderDied(why, last === undefined || last.pending > 0);
    this.listener?.(this.died);
  }

  private lastWords(): LastWords | undefined {
    const line = this.words.split('\n').findLast((text) => text.startsWith('{"qrmReader"'));
    try {
      return line === undefined ? undefined : (JSON.parse(line) as LastWords);
    } catch {
      return undefined;
    }
  }

  private explain(code: number | null, signal: string | null): string {
    const last = this.lastWords();
    if (last?.qrmReader === 'stuck')
      return `the reader made no progress in ${last.seconds?.toFixed(0)} s of work`;
    if (last?.qrmReader === 'memory')
      return `the reader took ${byteSize(last.bytes ?? 0)} of memory`;
    if (/heap out of memory|Allocation failed|invalid (array|table|size)/i.test(this.words))
      return `the reader ran out of memory (${HEAP_MB} MB)`;
    return `the reader's process ended (${signal ?? code})`;
  }
}
