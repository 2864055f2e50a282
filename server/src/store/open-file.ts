import type { RootDatabase } from 'lmdb';

export type Database = RootDatabase<Buffer, Buffer>;

/** The same for all who open the file. The native library is loaded here: where it cannot be, that costs the store alone. */
export async function openFile(path: string, readOnly = false): Promise<Database> {
  const { open } = await import('lmdb');
  return open<Buffer, Buffer>({
    path,
    readOnly,
    encoding: 'binary',
    keyEncoding: 'binary',
    // Text compresses, float noise does not; and no shared structures to lose.
    compression: false,
    // The promise of a turn's batch is nobody's: where its commit fails, that would end the process.
    eventTurnBatching: false,
    // A put that has resolved is on the disk.
    overlappingSync: false,
  });
}
