import { accessSync, constants, lstatSync, readlinkSync, statSync, type Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { systemReason } from './reasons.js';

/** What stands at a path that is to be written. */
export type Target =
  /** Standard output, standard error or another open descriptor. */
  | { readonly kind: 'descriptor'; readonly fd: number }
  /** A pipe, a terminal, `/dev/null`: written through. */
  | { readonly kind: 'device'; readonly path: string }
  /** A regular file, or none yet: links followed. */
  | { readonly kind: 'file'; readonly path: string; readonly old?: Stats };

/** As many as Linux follows. */
const LINKS = 40;

/**
 * Looks a path over before anything is written: `-`, `/dev/stdout` and `/dev/fd/N` are descriptors, links
 * are followed, also one that leads to no file yet.
 * @throws Error naming the path and why it cannot be written: a folder, a file without the right to write
 */
export function targetOf(path: string): Target {
  const fd = descriptorOf(path);
  if (fd !== undefined) return { kind: 'descriptor', fd };
  const fail = (why: string) => new Error(`${path}: ${why}`);
  if (path === '') throw new Error('found an empty name; expected the name of a file to write');
  let at = path;
  try {
    for (let links = 0; ; links++) {
      const found = lstatSync(at, { throwIfNoEntry: false });
      if (found?.isSymbolicLink() !== true) break;
      if (links >= LINKS) throw fail('too many symbolic links');
      at = resolve(dirname(at), readlinkSync(at));
      const open = descriptorOf(at);
      if (open !== undefined) return { kind: 'descriptor', fd: open };
    }
    const old = statSync(at, { throwIfNoEntry: false });
    if (old === undefined) {
      if (/[\\/]$/.test(path)) throw fail('no such folder; expected the name of a file');
      requireFolder(dirname(resolve(at)), path);
      return { kind: 'file', path: at };
    }
    if (old.isDirectory()) throw fail('is a folder; expected the name of a file');
    if (old.isSocket()) throw fail('is a socket; expected the name of a file');
    // To the superuser everything may be written: a file that nobody may write is not meant to be.
    if (old.isFile() && (old.mode & 0o222) === 0) throw fail('the file is read-only');
    accessSync(at, constants.W_OK);
    return old.isFile() ? { kind: 'file', path: at, old } : { kind: 'device', path: at };
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === undefined ? error : fail(systemReason(error));
  }
}

function requireFolder(folder: string, path: string): void {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined) throw new Error(`${path}: the folder ${folder} is missing`);
  if (!found.isDirectory()) throw new Error(`${path}: ${folder} is no folder`);
  accessSync(folder, constants.W_OK | constants.X_OK);
}

/** The number of an open descriptor that a path stands for. */
function descriptorOf(path: string): number | undefined {
  if (path === '-' || path === '/dev/stdout') return 1;
  if (path === '/dev/stderr') return 2;
  const own = new RegExp(`^/(?:dev|proc/(?:self|thread-self|${process.pid}))/fd/(\\d+)$`).exec(
    path,
  );
  return own ? Number(own[1]) : undefined;
}

/**
 * Can a regular file be replaced by another of its name, so that readers see the old or the new one
 * whole? Not where that would change its owner or part it from its other names, or the folder is closed.
 */
export function isReplaceable(path: string, old: Stats): boolean {
  if (old.nlink > 1) return false;
  const user = process.geteuid?.() ?? 0;
  if (user !== 0 && old.uid !== user) return false;
  try {
    accessSync(dirname(resolve(path)), constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
