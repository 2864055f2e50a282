import { appendFileSync, createReadStream, realpathSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { targetOf } from '../../files/target.js';
import { writeWhole } from '../../files/write.js';
import { UsageError } from '../errors.js';

/** A response as an output line names it: by its text and part, not by its row, which moves. */
export interface ResponseName {
  readonly file: string;
  readonly kind?: string;
  readonly label?: string;
  /** Of the conversation up to the response, in hexadecimal. */
  readonly hash: string;
}

interface Line extends ResponseName {
  readonly run: string;
  readonly error?: unknown;
}

/**
 * What a file is, however its path is spelled: the file itself; for one that is not found from here (the
 * path was relative to another folder) its name.
 */
function fileIdentity(path: string): string {
  try {
    return statSync(path).isFile() ? realpathSync(resolve(path)) : `=${path}`;
  } catch {
    return `?${basename(path)}`;
  }
}

/** The lines that an output holds already, counted: a text that stands in two rows has two. */
export class DoneLines {
  private readonly scored = new Map<string, number>();
  private readonly failed = new Set<string>();
  private readonly retried = new Set<string>();
  private readonly identities = new Map<string, string>();
  /** Lines of scores, and all lines. */
  size = 0;
  lines = 0;

  add(line: Line): void {
    const key = this.keyOf(line);
    this.lines++;
    if (line.error !== undefined) {
      this.failed.add(key);
      return;
    }
    this.size++;
    this.scored.set(key, (this.scored.get(key) ?? 0) + 1);
    this.written(key);
  }

  /** Is there a line of the response's score that no other response was found to have? It is then its own. */
  take(name: ResponseName): boolean {
    return [undefined, `?${basename(name.file)}`].some((file) => {
      const key = this.keyOf(name, file);
      const left = this.scored.get(key) ?? 0;
      if (left > 0) this.scored.set(key, left - 1);
      return left > 0;
    });
  }

  /** A line was added for the response; one of an error that stands before it is of no use any more. */
  renewed(name: ResponseName): void {
    this.written(this.keyOf(name));
    this.written(this.keyOf(name, `?${basename(name.file)}`));
  }

  /** Is there an old line of an error to take out, and is it this? */
  outdated(line?: Line): boolean {
    return line === undefined ? this.retried.size > 0 : this.retried.has(this.keyOf(line));
  }

  private written(key: string): void {
    if (this.failed.has(key)) this.retried.add(key);
  }

  private keyOf({ kind, label, hash, file }: ResponseName, identity?: string): string {
    let known = identity ?? this.identities.get(file);
    if (known === undefined) this.identities.set(file, (known = fileIdentity(file)));
    return JSON.stringify([hash, kind ?? '', label ?? '', known]);
  }
}

/**
 * What earlier runs wrote to a regular file; nothing of any other. What a killed run or an editor left (half a
 * line, a byte order mark, blank lines) is mended, a whole last line without its end kept.
 * @throws UsageError when the file is not ours, or of other settings; it is then as it was
 */
export async function readDone(path: string, run: string): Promise<DoneLines> {
  const done = new DoneLines();
  const target = targetOf(path);
  if (target.kind !== 'file' || target.old === undefined) return done;
  const fail = (why: string) => new UsageError(`${path} ${why}; name another --out`);
  let [first, mend] = [true, false];
  for await (const { text, bare } of linesOf(target.path)) {
    const line = parse(bare);
    mend ||= line === undefined || text !== bare;
    if (line === undefined) {
      if (first && bare.trim() !== '' && !bare.startsWith('{"run":'))
        throw fail('is not a file of scores');
      continue;
    }
    if (first && typeof line.run !== 'string') throw fail('is not a file of scores');
    if (line.run !== run) throw fail('was written with another model or other settings');
    first = false;
    done.add(line);
  }
  if (mend) await keepLines(path, target.path, (line) => line !== undefined);
  else if (target.old.size > 0 && !(await endsWithLine(target.path, target.old.size)))
    appendFileSync(target.path, '\n');
  return done;
}

/** Takes out the old lines of errors for whose responses there are others now. */
export async function dropRetried(path: string, done: DoneLines): Promise<void> {
  const target = targetOf(path);
  if (!done.outdated() || target.kind !== 'file') return;
  let n = 0;
  await keepLines(
    path,
    target.path,
    (line) => n++ >= done.lines || line?.error === undefined || !done.outdated(line),
  );
}

async function keepLines(
  path: string,
  at: string,
  keep: (line: Line | undefined) => boolean,
): Promise<void> {
  await writeWhole(path, async (write) => {
    for await (const { bare } of linesOf(at)) {
      if (keep(parse(bare))) await write(`${bare}\n`);
    }
  });
}

/** Lines as they stand, and without a byte order mark. */
async function* linesOf(path: string): AsyncGenerator<{ text: string; bare: string }> {
  const input = createReadStream(path);
  for await (const text of createInterface({ input, crlfDelay: Infinity }))
    yield { text, bare: text.replace(/^\uFEFF/, '') };
}

function parse(text: string): Line | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Line) : undefined;
  } catch {
    return undefined;
  }
}

async function endsWithLine(path: string, size: number): Promise<boolean> {
  for await (const chunk of createReadStream(path, { start: size - 1 }))
    return (chunk as Buffer)[0] === 10;
  return true;
}
