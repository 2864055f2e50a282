import { closeSync, openSync, readSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import { containerOfName, splitMarkdown } from '../datasets/index.js';
import { UsageError } from './errors.js';

/** Prose of repositories: a data set has another name. */
const PROSE =
  /^(readme|license|licence|copying|notice|authors|contributors|changelog|changes|history|contributing|code_of_conduct|security|support|governance|maintainers|todo|robots|requirements[^.]*|cmakelists)\b/i;
/** JSON that tools keep beside their data, by name. */
const SETTINGS =
  /^(package(-lock)?|tsconfig.*|jsconfig.*|composer|bower|dataset_infos?|dataset_dict|state|(tokenizer|special_tokens|generation|added_tokens).*|config|vocab)\.json$/i;
/** Bytes of a Markdown file that tell whether it is a transcript. */
const HEAD = 64 * 1024;

/**
 * The files named, and the datasets in the folders named, each once however it is reached, folders in name
 * order.
 * @param warn told of folders that cannot be read
 */
export function expandFiles(
  paths: readonly string[],
  warn: (message: string) => void = () => undefined,
): string[] {
  const files = new Map<string, string>();
  const folders = new Set<string>();
  const add = (path: string): void => {
    const one = identity(path);
    if (!files.has(one)) files.set(one, path);
  };
  const walk = (folder: string): void => {
    // A link may lead to a folder above.
    const real = identity(folder);
    if (folders.has(real)) return;
    folders.add(real);
    for (const name of namesIn(folder, warn)) {
      if (name.startsWith('.') || name === 'node_modules' || name === '__pycache__') continue;
      const path = join(folder, name);
      const found = statOf(path);
      if (found?.isDirectory()) walk(path);
      else if (found?.isFile() && isDataset(path, name)) add(path);
    }
  };
  for (const path of paths) {
    // A path that cannot be read stays in the list: the run reports it and goes on with the others.
    if (path !== '-' && statOf(path)?.isDirectory()) walk(path);
    else add(path);
  }
  if (files.size === 0) throw new UsageError(`no dataset files in ${paths.join(', ')}`);
  return [...files.values()];
}

function namesIn(folder: string, warn: (message: string) => void): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    warn(`${folder}: the folder cannot be read: ${messageOf(error)}`);
    return [];
  }
}

/** Undefined for what is not there or cannot be looked at. */
function statOf(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function identity(path: string): string {
  try {
    // A pipe is read as often as it is named; of files, names may differ in links alone.
    const found = statSync(path, { bigint: true });
    if (!found.isFile() && !found.isDirectory()) return path;
    return found.ino === 0n ? realpathSync(path) : `${found.dev}:${found.ino}`;
  } catch {
    return path;
  }
}

/** By the name; Markdown and plain text, which may be anything, also by what stands in it. */
function isDataset(path: string, name: string): boolean {
  const container = containerOfName(name);
  if (container === undefined || PROSE.test(name)) return false;
  if (container === 'json' && SETTINGS.test(name)) return false;
  if (container !== 'markdown' || /\.(gz|gzip|zst|zstd)$/i.test(name)) return true;
  try {
    return splitMarkdown(headOf(path)).some(({ role }) => role === 'assistant');
  } catch {
    return true; // the run reports it
  }
}

function headOf(path: string): string {
  const fd = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(HEAD);
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, HEAD, 0)).replaceAll('\r\n', '\n');
  } finally {
    closeSync(fd);
  }
}
