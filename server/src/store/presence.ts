import {
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { isRunning, ownName } from '../files/processes.js';
import { ageOf, Doorway } from './doorway.js';

/** What LMDB needs to begin a store, and then some. */
const FIRST_BYTES = 1 << 18;

let opened = 0;

/**
 * Who has the store open, in a folder beside it: `open-<process>-<n>` for each, `closed` after the last
 * one left in good order. A name of a process that is gone, or a file that was written to since it was
 * closed, means that the store must be looked over before LMDB maps it.
 */
export class Presence {
  /** Apart from all writing. */
  readonly doorway: Doorway;
  private readonly folder: string;
  private mark: string | undefined;

  constructor(private readonly path: string) {
    this.folder = `${path}-state`;
    this.doorway = new Doorway(this.folder);
  }

  /** Do other processes, or others of this one, have the store open? */
  others(): boolean {
    return this.names().some((name) => name !== this.mark && this.isAlive(name));
  }

  /** Was it left in good order, and not touched since? */
  inOrder(): boolean {
    if (this.names().some((name) => name !== this.mark && !this.isAlive(name))) return false;
    try {
      return readFileSync(join(this.folder, 'closed'), 'utf8') === stampOf(this.path);
    } catch {
      return false;
    }
  }

  /**
   * Says that this process has the store open, before it has; names of processes that are gone go.
   * @param fresh LMDB will make a file: on a full disk it would die of that, so space is tried for first
   */
  enter(fresh: boolean): void {
    for (const name of this.names()) {
      if (!this.isAlive(name)) rmSync(join(this.folder, name), { force: true });
    }
    this.mark = `open-${++opened}-${ownName()}`;
    const fd = openSync(join(this.folder, this.mark), 'w');
    try {
      if (fresh) {
        const zeros = Buffer.alloc(FIRST_BYTES);
        for (let at = 0; at < zeros.length;) at += writeSync(fd, zeros, at);
        ftruncateSync(fd, 0);
      }
    } catch (error) {
      this.leave(false);
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  /** LMDB met damage: the next start that is alone sets the store aside. */
  condemn(reason: string): void {
    try {
      writeFileSync(join(this.folder, 'damaged'), reason);
    } catch {
      // Then it is met again.
    }
  }

  /** Why an earlier run condemned the store. */
  condemned(): string | undefined {
    try {
      return readFileSync(join(this.folder, 'damaged'), 'utf8');
    } catch {
      return undefined;
    }
  }

  /** The store was set aside. */
  forget(): void {
    for (const name of ['damaged', 'closed']) rmSync(join(this.folder, name), { force: true });
  }

  /** @param good the store is closed and was in order to the end */
  leave(good: boolean): void {
    if (this.mark === undefined) return;
    try {
      if (good && !this.others()) writeFileSync(join(this.folder, 'closed'), stampOf(this.path));
      unlinkSync(join(this.folder, this.mark));
    } catch {
      // The folder is gone or the disk full: the next start looks the store over.
    }
    this.mark = undefined;
  }

  private isAlive(name: string): boolean {
    return isRunning(name, ageOf(join(this.folder, name)));
  }

  private names(): string[] {
    try {
      return readdirSync(this.folder).filter((name) => name.startsWith('open-'));
    } catch {
      return [];
    }
  }
}

function stampOf(path: string): string {
  const { size, mtimeNs, ino } = statSync(path, { bigint: true });
  return `${ino} ${size} ${mtimeNs}`;
}
