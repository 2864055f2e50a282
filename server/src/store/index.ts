import { existsSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import { cacheFolder } from '../files/cache-folder.js';
import { makeFolder } from '../files/folder.js';
import { systemReason } from '../files/reasons.js';
import { damageOf, whyUnsafe } from './check.js';
import { openFile, type Database } from './open-file.js';
import { Presence } from './presence.js';
import { decodeScore, encodeScore, type StoredScore } from './record.js';

export { contentHash, scoreKey, KEY_BYTES, type KeyMessage } from './key.js';
export { StoreReader } from './reader.js';
export { cacheFolder };
export { decodeScore, encodeScore, type StoredScore } from './record.js';

/** Part of the file's name: another layout never meets an older program's file. */
const LAYOUT_VERSION = 1;
/** Free bytes below which nothing more is written: LMDB reports a full disk loudly, and late. */
const SPARE = 1 << 19;
/** Milliseconds between two looks at the free space. */
const LOOK = 500;

export interface StoreStats {
  readonly path: string;
  readonly entries: number;
  readonly bytes: number;
}

export interface StoreOptions {
  /** Folder of the store; default `cacheFolder()`. Made when missing. */
  readonly folder?: string;
  /** Told, once, that a damaged store had to be set aside or that no more scores are kept. */
  readonly onWarning?: (message: string) => void;
}

/** MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_INVALID. */
const DAMAGE: readonly unknown[] = [-30797, -30796, -30793];
/** Does LMDB say that the file's content is wrong, and not that it cannot be reached? */
const isDamage = (error: unknown): boolean =>
  DAMAGE.includes((error as { code?: unknown } | undefined)?.code);

/**
 * Scores by content hash, shared by every process of a user (LMDB: many readers, one writer at a
 * time, committed in transactions). A `put` that has resolved survives a kill of the process. What
 * goes wrong later (a full disk, a damaged page) ends the keeping of scores with a warning, never the run.
 */
export class ScoreStore {
  private looked = 0;
  private readonly underWay = new Set<Promise<unknown>>();

  private constructor(
    private db: Database | undefined,
    /** The file. */
    readonly file: string,
    private readonly presence: Presence,
    private readonly warn: (message: string) => void,
  ) {}

  /**
   * Opens or makes the store. One whose pages are damaged is renamed `…-damaged-<time>` and a new one
   * begun, unless another process has it open; a file that cannot be opened for any other reason stays.
   * @throws Error naming the path and why there can be no store
   */
  static async open(options: StoreOptions = {}): Promise<ScoreStore> {
    const warn = options.onWarning ?? (() => undefined);
    const folder = options.folder ?? cacheFolder();
    const path = join(folder, `scores-v${LAYOUT_VERSION}.mdb`);
    try {
      makeFolder(folder);
      const presence = new Presence(path);
      const db = await presence.doorway.alone(() => openWhole(path, presence, warn));
      return new ScoreStore(db, path, presence, warn);
    } catch (error) {
      throw new Error(`${path}: ${systemReason(error)}`, { cause: error });
    }
  }

  /** The score under `key`, or undefined when there is none (or it is damaged). */
  get(key: Uint8Array): StoredScore | undefined {
    // The bytes are LMDB's until the next read: a score is a copy.
    const bytes = this.read((db) => db.getBinaryFast(asBuffer(key)));
    return bytes === undefined ? undefined : decodeScore(bytes);
  }

  /** Resolves when the score is committed, or cannot be. Puts of one turn of the event loop share a transaction. */
  async put(key: Uint8Array, score: StoredScore): Promise<void> {
    await this.putMany([[key, score]]);
  }

  /** Resolves when all are committed, or cannot be. */
  async putMany(entries: readonly (readonly [Uint8Array, StoredScore])[]): Promise<void> {
    const { db } = this;
    if (db === undefined || entries.length === 0 || !this.hasSpace()) return;
    const written = this.presence.doorway.writing(async () => {
      const puts = entries.map(([key, score]) => db.put(asBuffer(key), encodeScore(score)));
      // The transaction's own promise fails with them.
      db.committed.then(undefined, () => undefined);
      await settled(puts);
    });
    this.underWay.add(written);
    try {
      await written;
    } catch (error) {
      this.give(await causeOf(error));
    } finally {
      this.underWay.delete(written);
    }
  }

  /** Removes every score. @throws Error when that fails */
  async clear(): Promise<void> {
    try {
      await this.presence.doorway.writing(async () => this.db?.clearAsync());
    } catch (error) {
      throw await causeOf(error);
    }
  }

  stats(): StoreStats {
    const entries = this.read((db) => db.getKeysCount({})) ?? 0;
    const bytes = statSync(this.file, { throwIfNoEntry: false })?.size ?? 0;
    return { path: this.file, entries, bytes };
  }

  /** Waits for what is under way and for the disk. */
  async close(): Promise<void> {
    const { db } = this;
    this.db = undefined;
    if (db === undefined) return;
    await Promise.allSettled(this.underWay);
    this.presence.leave(await shut(db));
  }

  private read<T>(action: (db: Database) => T): T | undefined {
    if (this.db === undefined) return undefined;
    try {
      return action(this.db);
    } catch (error) {
      this.give(error);
      return undefined;
    }
  }

  /** Goes on without the store, and says so once. */
  private give(error: unknown): void {
    const { db } = this;
    if (db === undefined) return;
    this.db = undefined;
    const damaged = isDamage(error);
    if (damaged) this.presence.condemn(messageOf(error));
    this.warn(
      `Scores are no longer kept: ${this.file}: ${systemReason(error)}.` +
        (damaged ? ' It is damaged; the next run begins a new one.' : ''),
    );
    shut(db)
      .then((good) => this.presence.leave(good && !damaged))
      .catch((error: unknown) => this.warn(`${this.file}: ${messageOf(error)}`));
  }

  private hasSpace(): boolean {
    const now = Date.now();
    if (now - this.looked < LOOK) return true;
    this.looked = now;
    try {
      const { bavail, bsize } = statfsSync(this.file);
      if (bavail * bsize >= SPARE) return true;
    } catch {
      return true;
    }
    this.give(new Error('the disk is full'));
    return false;
  }
}

/** Looks the file over where that is needed, then opens it. The caller is alone in this. */
async function openWhole(
  path: string,
  presence: Presence,
  warn: (message: string) => void,
): Promise<Database> {
  if (!presence.others()) {
    const damage =
      whyUnsafe(path) ??
      presence.condemned() ??
      (presence.inOrder() ? undefined : await damageOf(path));
    if (damage !== undefined) setAside(path, damage, presence, warn);
  } else {
    const unsafe = whyUnsafe(path);
    if (unsafe !== undefined) throw new Error(`${unsafe}, and another process has it open`);
  }
  presence.enter(isFresh(path));
  try {
    return await openFile(path);
  } catch (error) {
    presence.leave(false);
    if (!isDamage(error) || presence.others()) throw error;
    setAside(path, messageOf(error), presence, warn);
    presence.enter(true);
    return openFile(path);
  }
}

/** Will LMDB write to a file that has no room on the disk yet? Where the disk is full, that is its end. */
function isFresh(path: string): boolean {
  const [data, lock] = [path, `${path}-lock`].map((file) =>
    statSync(file, { throwIfNoEntry: false }),
  );
  return !data || data.size === 0 || !lock || lock.blocks * 512 < lock.size;
}

/** @returns whether all that was written is in the file */
async function shut(db: Database): Promise<boolean> {
  try {
    await db.flushed;
    await db.close();
    return true;
  } catch {
    return false;
  }
}

function setAside(
  path: string,
  reason: string,
  presence: Presence,
  warn: (message: string) => void,
): void {
  const aside = `${path}-damaged-${Date.now()}`;
  if (existsSync(path)) renameSync(path, aside);
  rmSync(`${path}-lock`, { force: true });
  presence.forget();
  warn(`The score store ${path} is damaged (${reason}); it was renamed ${aside} and begun anew.`);
}

/** The first failure, once all have ended: a promise that fails later would count as unhandled. */
async function settled(promises: readonly PromiseLike<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises)) {
    if (result.status === 'rejected') throw result.reason;
  }
}

/** Milliseconds to wait for what lmdb-js may never settle once a commit has failed. */
const PATIENCE = 1000;

async function within<T>(promise: PromiseLike<T>, otherwise: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => (timer = setTimeout(resolve, PATIENCE, otherwise)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** lmdb-js gives the reason of a failed commit as a promise of its own, which of two that fail at once may stay open. */
async function causeOf(error: unknown): Promise<unknown> {
  const { commitError } = (error ?? {}) as { commitError?: unknown };
  if (!(commitError instanceof Promise)) return error;
  const cause = commitError.then(
    () => error,
    (reason: unknown) => reason,
  );
  return within(cause, new Error('a transaction could not be written'));
}

function asBuffer(key: Uint8Array): Buffer {
  return Buffer.isBuffer(key) ? key : Buffer.from(key.buffer, key.byteOffset, key.byteLength);
}
