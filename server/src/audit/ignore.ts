import { existsSync } from 'node:fs';
import { readUserText } from '../files/user-text.js';
import { parseIgnored } from './ignore-file.js';

/** The name of the file of ignored findings, beside the data or in the working folder. */
export const IGNORE_FILE = '.qrm-ignore.json';

/** Says of a response's hash (ResponseTable.hash) and a code whether the user ignores the finding. */
export type Ignored = (hash: string, code: string) => boolean;

/** Where nobody ignores anything. */
export const ignoresNothing: Ignored = () => false;

/** Is a finding ignored? Of a million of them no hash is written out where nothing is. */
export const isIgnored = (
  ignored: Ignored,
  table: { hash(response: number): string },
  { response, code }: { readonly response: number; readonly code: string },
): boolean => ignored !== ignoresNothing && ignored(table.hash(response), code);

/**
 * Reads `{"version": 1, "ignored": [{"hash": "<16 hex>", "code"?: "...", "reason"?: "..."}]}`;
 * an entry without a code covers every finding of that response.
 * @throws Error naming the file and what was expected.
 */
export function readIgnored(paths: readonly string[]): Ignored {
  const set = new Set<string>();
  for (const path of paths.filter((p) => existsSync(p))) {
    for (const entry of parseIgnored(path, readUserText(path))) set.add(entry);
  }
  if (set.size === 0) return ignoresNothing;
  return (hash, code) => set.has(hash) || set.has(`${hash}:${code}`);
}
