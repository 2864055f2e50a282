import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from './errors.js';

const DATA = /\.(jsonl|ndjson|json|csv|tsv|parquet|md)(\.(gz|zst))?$/i;

/** The files named, and the datasets in the folders named, each once, folders in name order. */
export function expandFiles(paths: readonly string[]): string[] {
  const files = new Set<string>();
  const walk = (folder: string): void => {
    const entries = readdirSync(folder, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (DATA.test(entry.name)) files.add(path);
    }
  };
  for (const path of paths) {
    // A path that cannot be read stays in the list: the run reports it and goes on with the others.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) walk(path);
    else files.add(path);
  }
  if (files.size === 0) throw new UsageError(`no dataset files in ${paths.join(', ')}`);
  return [...files];
}
