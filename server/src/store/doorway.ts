import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { makeFolder } from '../files/folder.js';
import { isRunning, ownName } from '../files/processes.js';

/** How long one waits for another process that opens the store, looks it over, or writes to it. */
const PATIENCE = 30_000;
/** Milliseconds between two looks. */
const LOOK = 5;
/** A batch of writing of a process elsewhere (another container), of which only its age is known. */
const BATCH = 10_000;

const OPENING = 'opening';
const WRITING = 'writing-';

/** Milliseconds in which writings share a mark. */
const SHARED = 50;

interface SharedMark {
  readonly mark: string;
  /** It stands, and no process opens the store. */
  readonly made: Promise<void>;
  /** On the clock of `performance`. */
  readonly until: number;
  users: number;
}

let batches = 0;

/**
 * Keeps the openings of a store apart from each other and from all writing. LMDB itself does not: `mdb_env_open2`
 * reads the number of the last transaction, and later sets the shared one to it, so whatever another process has
 * committed between the two is overwritten by the next writer, and pages of it are given out twice (OpenLDAP
 * ITS#9496; lmdb-js 3.5.6 has it still). An opening for reading does so too.
 *
 * One that opens takes `opening` and then waits for each `writing-…` to go; one that writes makes its mark and then
 * looks for `opening`: of two that come at once at least one sees the other. What processes that are gone have left
 * does not count.
 */
export class Doorway {
  private shared: SharedMark | undefined;

  /** @param folder where the marks stand; made when missing */
  constructor(private readonly folder: string) {}

  /**
   * Runs `open` while no other process opens the store or writes to it.
   * @throws Error when the folder cannot be written or another process holds on for too long
   */
  async alone<T>(open: () => Promise<T>): Promise<T> {
    makeFolder(this.folder);
    const turn = join(this.folder, OPENING);
    await this.until(() => take(turn) || (clear(turn), false), 'opened it');
    try {
      await this.until(() => !this.isWritten(), 'ended its writing');
      return await open();
    } finally {
      give(turn);
    }
  }

  /**
   * Runs `write` while no other process opens the store. Writings that come within some milliseconds share a mark: to make a file
   * for each score would take longer than to score.
   * @throws Error when a mark cannot be made or another process holds on for too long
   */
  async writing<T>(write: () => Promise<T>): Promise<T> {
    const shared = this.share();
    shared.users++;
    try {
      await shared.made;
      return await write();
    } finally {
      if (--shared.users === 0) {
        if (this.shared === shared) this.shared = undefined;
        rmSync(shared.mark, { force: true });
      }
    }
  }

  /** The mark of now. A later writing has one of its own, so that who opens need not wait for all that are to come. */
  private share(): SharedMark {
    const { shared } = this;
    if (shared !== undefined && performance.now() < shared.until) return shared;
    const mark = join(this.folder, `${WRITING}${++batches}-${ownName()}`);
    const made = this.until(() => {
      closeSync(openSync(mark, 'w'));
      if (!isHeld(join(this.folder, OPENING))) return true;
      rmSync(mark, { force: true });
      return false;
    }, 'opened it');
    return (this.shared = { mark, made, until: performance.now() + SHARED, users: 0 });
  }

  private isWritten(): boolean {
    return readdirSync(this.folder).some((name) => {
      if (!name.startsWith(WRITING)) return false;
      const path = join(this.folder, name);
      if (isRunning(name, ageOf(path), BATCH)) return true;
      rmSync(path, { force: true });
      return false;
    });
  }

  private async until(done: () => boolean, what: string): Promise<void> {
    const end = Date.now() + PATIENCE;
    while (!done()) {
      if (Date.now() > end) throw new Error(`another process has not ${what} in 30 s`);
      await setTimeout(LOOK);
    }
  }
}

export const ageOf = (path: string): number =>
  Date.now() - (lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);

/** A link that leads nowhere: made whole or not at all, also on a full disk. */
function take(turn: string): boolean {
  try {
    if (process.platform === 'win32') mkdirSync(turn);
    else symlinkSync(ownName(), turn);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Only one's own: whoever took too long may have lost it. */
function give(turn: string): void {
  if (process.platform === 'win32' || ownerOf(turn) === ownName())
    rmSync(turn, { force: true, recursive: true });
}

function ownerOf(turn: string): string | undefined {
  try {
    return readlinkSync(turn);
  } catch {
    return undefined;
  }
}

/** Is there one, of a process that runs? Where it has no name: younger than anyone would wait? */
function isHeld(turn: string): boolean {
  if (process.platform === 'win32') return existsSync(turn) && ageOf(turn) <= PATIENCE / 2;
  const owner = ownerOf(turn);
  return owner !== undefined && isRunning(owner, ageOf(turn));
}

/**
 * Removes what a process that is gone has left. Of several that see it, the one that makes a link of the dead
 * one's name does so, and looks again: else the slower would remove the turn that the quicker has taken.
 */
function clear(turn: string): void {
  if (process.platform === 'win32') {
    if (!isHeld(turn)) rmSync(turn, { force: true, recursive: true });
    return;
  }
  const owner = ownerOf(turn);
  if (owner === undefined || isHeld(turn)) return;
  const claim = `${turn}-left-${owner}`;
  if (!take(claim)) {
    if (!isHeld(claim)) rmSync(claim, { force: true });
    return;
  }
  try {
    if (ownerOf(turn) === owner) rmSync(turn, { force: true });
  } finally {
    rmSync(claim, { force: true });
  }
}
