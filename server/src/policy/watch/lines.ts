import { createReadStream, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { connectionReason, messageOf } from '../../errors.js';

export type LogEvent =
  | { readonly type: 'line'; readonly source: string; readonly line: number; readonly text: string }
  /** Everything that was there has been read; what comes now is new. */
  | { readonly type: 'caught-up' }
  /** Nothing more for now. */
  | { readonly type: 'idle' }
  | { readonly type: 'note'; readonly message: string };

export interface FollowOptions {
  /** Ends when everything there is has been read. */
  readonly once: boolean;
  readonly signal: AbortSignal;
  /** Milliseconds between two looks. */
  readonly every?: number;
}

const LOOK = 500;
/** A line above this is not a rollout's. */
const LONGEST = 16 * 2 ** 20;

/** Pieces of bytes as whole lines; the last without its end is kept for later. */
class Lines {
  private rest: Buffer[] = [];
  private size = 0;
  private count = 0;
  private skipping = false;

  *feed(chunk: Buffer): Generator<{ line: number; text: string }> {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      this.rest.push(chunk.subarray(from, at));
      from = at + 1;
      yield* this.end();
    }
    this.rest.push(Buffer.from(chunk.subarray(from)));
    this.size += chunk.length - from;
    if (this.size > LONGEST) {
      this.rest = [];
      this.size = 0;
      this.skipping = true;
    }
  }

  /** The line that is there, ended or not. */
  *end(): Generator<{ line: number; text: string }> {
    const text = Buffer.concat(this.rest).toString('utf8');
    this.rest = [];
    this.size = 0;
    this.count++;
    if (!this.skipping && text.trim() !== '') yield { line: this.count, text };
    this.skipping = false;
  }
}

/** A file that grows. */
class Tail {
  private lines = new Lines();
  private offset = 0;

  constructor(readonly path: string) {}

  /** What came since the last look. @throws what reading throws */
  async *look(signal: AbortSignal): AsyncGenerator<LogEvent> {
    const { size } = statSync(this.path);
    if (size < this.offset) {
      yield { type: 'note', message: `${this.path} became shorter: it is read from its beginning` };
      this.lines = new Lines();
      this.offset = 0;
    }
    if (size === this.offset) return;
    const stream = createReadStream(this.path, { start: this.offset, end: size - 1, signal });
    for await (const chunk of stream) {
      this.offset += (chunk as Buffer).length;
      for (const l of this.lines.feed(chunk as Buffer))
        yield { type: 'line', source: this.path, ...l };
    }
  }

  *end(): Generator<LogEvent> {
    for (const l of this.lines.end()) yield { type: 'line', source: this.path, ...l };
  }
}

/** By number where names are numbers: verl writes 1.jsonl, 2.jsonl, …, 10.jsonl. */
const inOrder = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

const logsIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => /\.(jsonl|ndjson|log)$/i.test(name) && !name.startsWith('.'))
    .sort(inOrder)
    .map((name) => join(folder, name));

/**
 * Lines of a log as they are written: of a file, or of all .jsonl, .ndjson and .log files of a folder (and those that come later).
 * A file that becomes shorter is read again. @throws Error when nothing is there; AbortError
 */
export async function* followFiles(path: string, o: FollowOptions): AsyncGenerator<LogEvent> {
  const tails = new Map<string, Tail>();
  for (let caughtUp = false; ; await setTimeout(o.every ?? LOOK, undefined, { signal: o.signal })) {
    o.signal.throwIfAborted();
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined && !caughtUp) throw new Error(`${path}: no such file or folder`);
    for (const file of found?.isDirectory() ? logsIn(path) : [path]) {
      const tail = tails.get(file) ?? new Tail(file);
      tails.set(file, tail);
      try {
        yield* tail.look(o.signal);
      } catch (error) {
        o.signal.throwIfAborted();
        if (!caughtUp) throw new Error(`${file}: ${messageOf(error)}`, { cause: error });
        // A log that is rotated away comes back.
      }
    }
    if (o.once) for (const tail of tails.values()) yield* tail.end();
    yield { type: caughtUp ? 'idle' : 'caught-up' };
    caughtUp = true;
    if (o.once) return;
  }
}

/**
 * Lines of an address: JSON Lines, or server-sent events (`data: {…}`). A stream that ends is asked again for what comes after.
 * @throws Error when the first answer is none
 */
export async function* followUrl(url: string, o: FollowOptions): AsyncGenerator<LogEvent> {
  let offset = 0;
  const lines = new Lines();
  const line = (l: { line: number; text: string }): LogEvent[] => {
    const text = l.text.replace(/^data:\s?/, '');
    return /^(event|id|retry)?:/.test(text)
      ? []
      : [{ type: 'line', source: url, line: l.line, text }];
  };
  for (let first = true; ; first = false) {
    const headers = offset > 0 ? { Range: `bytes=${offset}-` } : undefined;
    try {
      const answer = await fetch(url, { signal: o.signal, ...(headers && { headers }) });
      const ended = answer.status === 416; // nothing after what is known
      if (!answer.ok && !ended) throw new Error(`${answer.status} ${answer.statusText}`);
      // A stream of events has no end to catch up with.
      if (first && !o.once) yield { type: 'caught-up' };
      let skip = answer.status === 206 || ended ? 0 : offset;
      for await (const chunk of ended ? [] : (answer.body ?? [])) {
        const bytes = Buffer.from(chunk as Uint8Array);
        const kept = bytes.subarray(Math.min(skip, bytes.length));
        skip -= bytes.length - kept.length;
        offset += kept.length;
        for (const l of lines.feed(kept)) yield* line(l);
        yield { type: 'idle' };
      }
    } catch (error) {
      o.signal.throwIfAborted();
      if (first || o.once) throw new Error(`${url}: ${connectionReason(error)}`, { cause: error });
      yield { type: 'note', message: `${url}: ${connectionReason(error)}; tried again` };
    }
    if (o.once) for (const l of lines.end()) yield* line(l);
    if (o.once) yield { type: 'caught-up' };
    if (o.once) return;
    await setTimeout(Math.max(o.every ?? LOOK, 1000), undefined, { signal: o.signal });
  }
}
