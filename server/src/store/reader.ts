import { openFile, type Database } from './open-file.js';
import { Presence } from './presence.js';
import { decodeScore, type StoredScore } from './record.js';

/**
 * The scores of a store that another process has open, for reading alone. What goes wrong is no score: whoever has
 * the store open meets it too, and says so.
 */
export class StoreReader {
  private constructor(private db: Database | undefined) {}

  /** @param file of the store; undefined where it cannot be opened */
  static async open(file: string): Promise<StoreReader | undefined> {
    try {
      const { doorway } = new Presence(file);
      const db = await doorway.alone(() => openFile(file, true));
      return new StoreReader(db);
    } catch {
      return undefined;
    }
  }

  get(key: Buffer): StoredScore | undefined {
    try {
      // The bytes are LMDB's until the next read: a score is a copy.
      const bytes = this.db?.getBinaryFast(key);
      return bytes === undefined ? undefined : decodeScore(bytes);
    } catch {
      this.db = undefined;
      return undefined;
    }
  }

  async close(): Promise<void> {
    await this.db?.close();
    this.db = undefined;
  }
}
