import { stat } from 'node:fs/promises';
import { dataFiles, identityOf } from '../datasets/index.js';
import { UsageError } from './errors.js';

/**
 * The files named, and the datasets in the folders named, each once however it is reached, folders in name
 * order.
 * @param warn told of folders that cannot be read
 */
export async function expandFiles(
  paths: readonly string[],
  warn: (message: string) => void = () => undefined,
): Promise<string[]> {
  const files: string[] = [];
  const seen = new Set<string>();
  for (const path of paths) {
    const found = path === '-' ? undefined : await stat(path).catch(() => undefined);
    if (found?.isDirectory()) {
      for await (const file of dataFiles(path, seen, warn)) files.push(file);
      continue;
    }
    // A path that cannot be read stays in the list: the run reports it and goes on with the others.
    const { size } = seen;
    if (seen.add(await identityOf(path)).size > size) files.push(path);
  }
  if (files.length === 0) throw new UsageError(`no dataset files in ${paths.join(', ')}`);
  return files;
}
