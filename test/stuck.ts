import { writeFileSync } from 'node:fs';

/**
 * Writes a file whose second record keeps its reader at work for seconds without progress: a list of 15 million empty
 * lists (45 MB). A damaged file does not serve: its fault is named as soon as it is known.
 */
export function writeStuck(path: string, row: string): void {
  writeFileSync(path, `${row}\n{"prompt":"q","x":[${'[],'.repeat(15_000_000)}[]]}\n`);
}
