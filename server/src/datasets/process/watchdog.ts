import { writeSync } from 'node:fs';
import { totalmem } from 'node:os';
import { Worker, workerData } from 'node:worker_threads';
import type { LastWords } from './wire/messages.js';

const WATCHDOG_ROLE = 'reader-watchdog';

/** Cells of the memory that reader and watchdog share. */
const PROGRESS = 0;
const BUSY = 1;
const PENDING = 2;

interface Limits {
  /** CPU time, in s, that may pass without a byte read or an event made. */
  readonly seconds: number;
  /** Resident memory, in bytes. */
  readonly bytes: number;
}

interface Shared extends Limits {
  readonly role: typeof WATCHDOG_ROLE;
  readonly cells: Int32Array;
}

const fromEnv = (name: string, otherwise: number): number => {
  const value = Number(process.env[name]);
  return value > 0 ? value : otherwise;
};

/** A reader holds one record, a page of each column or a window of zstd: far less than this. */
export const limits = (): Limits => ({
  seconds: fromEnv('QRM_LENS_READER_SECONDS', 10),
  bytes: fromEnv('QRM_LENS_READER_MB', Math.min(2048, totalmem() / 2 ** 21)) * 2 ** 20,
});

/** The reader's side: it says that it gets on. */
export class Pulse {
  private readonly cells = new Int32Array(new SharedArrayBuffer(12));

  /** Starts the watchdog, a thread of this process: it sees what the main thread, stuck, cannot. */
  constructor(script: URL) {
    const data: Shared = { role: WATCHDOG_ROLE, cells: this.cells, ...limits() };
    new Worker(script, {
      workerData: data,
      resourceLimits: { maxOldGenerationSizeMb: 16 },
    }).unref();
  }

  beat(): void {
    Atomics.add(this.cells, PROGRESS, 1);
  }

  set busy(busy: boolean) {
    Atomics.store(this.cells, BUSY, busy ? 1 : 0);
  }

  set pending(count: number) {
    Atomics.store(this.cells, PENDING, count);
  }
}

/** The watchdog's side. Time is that of the processor: a slow disk or a full queue uses none. */
export function watch(): void {
  const { cells, seconds, bytes } = workerData as Shared;
  const spent = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  let seen = -1;
  let since = 0;
  const end = (words: Omit<LastWords, 'pending'>): void => {
    const last: LastWords = { ...words, pending: Atomics.load(cells, PENDING) };
    writeSync(2, `\n${JSON.stringify(last)}\n`);
    process.kill(process.pid, 'SIGKILL');
  };
  const parent = process.ppid;
  setInterval(() => {
    // Nobody waits for it any more, and the main thread may be too busy to be told.
    if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
    const rss = process.memoryUsage.rss();
    if (rss > bytes) return end({ qrmReader: 'memory', bytes: rss });
    const progress = Atomics.load(cells, PROGRESS);
    const now = spent();
    if (progress !== seen || Atomics.load(cells, BUSY) === 0) {
      seen = progress;
      since = now;
    } else if (now - since > seconds) end({ qrmReader: 'stuck', seconds: now - since });
  }, 100);
}

export const isWatchdog = (): boolean =>
  (workerData as { role?: unknown } | null)?.role === WATCHDOG_ROLE;
