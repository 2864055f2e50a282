import { mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { whyUnsafe } from './check.js';
import { cacheFolder } from './location.js';
import { decodeScore, encodeScore, type StoredScore } from './record.js';

export { contentHash, scoreKey, KEY_BYTES, type KeyMessage } from './key.js';
export { cacheFolder } from './location.js';
export type { StoredScore } from './record.js';

/** Part of the file's name: another layout never meets an older program's file. */
const LAYOUT_VERSION = 1;

export interface StoreStats {
  readonly path: string;
  readonly entries: number;
  readonly bytes: number;
}

export interface StoreOptions {
  /** Folder of the store; default `cacheFolder()`. Made when missing. */
  readonly folder?: string;
  /** Told when a damaged store had to be set aside. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Scores by content hash, shared by every process of a user (LMDB: many readers, one writer at a
 * time, committed in transactions). A `put` that has resolved survives a kill of the process.
 */
export class ScoreStore {
  private constructor(
    private db: RootDatabase<Buffer, Buffer>,
    private readonly path: string,
    private readonly warn: (message: string) => void,
  ) {}

  /**
   * Opens or makes the store. A damaged file is renamed `…-damaged-<time>` and a new one begun.
   * @throws Error when the folder cannot be written.
   */
  static open(options: StoreOptions = {}): ScoreStore {
    const folder = options.folder ?? cacheFolder();
    const warn = options.onWarning ?? (() => undefined);
    const path = join(folder, `scores-v${LAYOUT_VERSION}.mdb`);
    mkdirSync(folder, { recursive: true });
    const unsafe = whyUnsafe(path);
    if (unsafe !== undefined) setAside(path, unsafe, warn);
    let db: RootDatabase<Buffer, Buffer>;
    try {
      db = openFile(path);
    } catch (error) {
      setAside(path, messageOf(error), warn);
      db = openFile(path);
    }
    return new ScoreStore(db, path, warn);
  }

  /** The score under `key`, or undefined when there is none (or it is damaged). */
  get(key: Uint8Array): StoredScore | undefined {
    const bytes = this.read(() => this.db.getBinary(asBuffer(key)));
    return bytes === undefined ? undefined : decodeScore(bytes);
  }

  /** As `get`, in the order of `keys`. */
  getMany(keys: readonly Uint8Array[]): (StoredScore | undefined)[] {
    return keys.map((key) => this.get(key));
  }

  /** Resolves when the score is committed. Puts of one turn of the event loop share a transaction. */
  async put(key: Uint8Array, score: StoredScore): Promise<void> {
    await this.db.put(asBuffer(key), encodeScore(score));
  }

  /** Resolves when all are committed, in one transaction. */
  async putMany(entries: readonly (readonly [Uint8Array, StoredScore])[]): Promise<void> {
    await Promise.all(entries.map(([key, score]) => this.put(key, score)));
  }

  /** Removes every score. */
  async clear(): Promise<void> {
    await this.db.clearAsync();
  }

  stats(): StoreStats {
    const entries = this.read(() => this.db.getKeysCount({})) ?? 0;
    return { path: this.path, entries, bytes: statSync(this.path).size };
  }

  /** Waits for what is under way and for the disk. */
  async close(): Promise<void> {
    await this.db.flushed;
    await this.db.close();
  }

  /** A damaged page inside the file shows only when it is read: warn, set aside, begin anew. */
  private read<T>(action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      const old = this.db;
      void old.close().catch(() => undefined);
      setAside(this.path, messageOf(error), this.warn);
      this.db = openFile(this.path);
      return undefined;
    }
  }
}

function openFile(path: string): RootDatabase<Buffer, Buffer> {
  return open<Buffer, Buffer>({
    path,
    encoding: 'binary',
    keyEncoding: 'binary',
    // Text compresses, float noise does not; and no shared structures to lose.
    compression: false,
  });
}

function setAside(path: string, reason: string, warn: (message: string) => void): void {
  const aside = `${path}-damaged-${Date.now()}`;
  renameSync(path, aside);
  rmSync(`${path}-lock`, { force: true });
  warn(`The score store ${path} is damaged (${reason}); it was renamed ${aside} and begun anew.`);
}

function asBuffer(key: Uint8Array): Buffer {
  return Buffer.isBuffer(key) ? key : Buffer.from(key.buffer, key.byteOffset, key.byteLength);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
