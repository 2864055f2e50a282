import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** What processes elsewhere (another machine or container that shares the folder) left is theirs for so long. */
const DAY = 24 * 3600 * 1000;

/**
 * A process by its number, by when it started (ticks since the system did, 0 where that is not known) as
 * numbers are given out again, and by the place where the number means something.
 */
const NAME = /(\d+)-(\d+)-([0-9a-f]{6})$/;

/** Fields 3 and on of what Linux tells of a process; the second, the program's name, may hold spaces and brackets. */
function statOf(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

const startOf = (pid: number): string => /^\d+$/.exec(statOf(pid)[19] ?? '')?.[0] ?? '0';

/** Of this machine, or of this container on it. */
function ownPlace(): string {
  let space = '';
  try {
    space = readlinkSync('/proc/self/ns/pid');
  } catch {
    // Not Linux.
  }
  return createHash('sha256').update(`${hostname()} ${space}`).digest('hex').slice(0, 6);
}

let own: string | undefined;

/** `<pid>-<start>-<place>` of this process, to end the names of files that are its alone. */
export const ownName = (): string =>
  (own ??= `${process.pid}-${startOf(process.pid)}-${ownPlace()}`);

/** Does the name end with that of a process? */
export const namesProcess = (name: string): boolean => NAME.test(name);

/**
 * Is the process running still whose name stands at the end of a text? One that took its number later
 * does not count.
 * @param age of what bears the name, in milliseconds: all that can be known of processes elsewhere
 * @param limit of that age
 */
export function isRunning(name: string, age: number, limit = DAY): boolean {
  const [, pid = '0', started = '0', place] = NAME.exec(name) ?? [];
  if (place === undefined) return false;
  if (!ownName().endsWith(place)) return age < limit;
  // One that ended and whose parent has not asked (a container without an init never does) holds nothing any more.
  if (!isThere(Number(pid)) || /^[ZX]$/.test(statOf(Number(pid))[0] ?? '')) return false;
  const now = startOf(Number(pid));
  return started === '0' || now === '0' || now === started;
}

export function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: somebody else's, but there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
