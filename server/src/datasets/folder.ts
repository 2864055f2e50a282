import { isUtf8 } from 'node:buffer';
import { open, readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compressionOfName, containerOfName, factsOf } from './formats.js';
import { messageOf } from '../errors.js';
import { splitMarkdown } from './markdown/turns.js';

/** Prose of repositories: a data set has another name. */
const PROSE =
  /^(readme|license|licence|copying|notice|authors|contributors|changelog|changes|history|contributing|code_of_conduct|security|support|governance|maintainers|todo|robots|requirements[^.]*|cmakelists)\b/i;
/** JSON that tools keep beside their data, by name. */
const SETTINGS =
  /^(package(-lock)?|tsconfig.*|jsconfig.*|composer|bower|dataset_infos?|dataset_dict|state|(tokenizer|special_tokens|generation|added_tokens).*|config|vocab)\.json$/i;
/** Bytes of a Markdown file that tell whether it is a transcript. */
const HEAD = 64 * 1024;

/**
 * The data sets of a folder and of its folders, each once however links lead to it, in name order; what tools keep
 * there, hidden files and node_modules left out.
 * @param seen names of files and folders by `identityOf` that were given already; those given are added
 * @param warn told of folders that cannot be read
 */
export async function* dataFiles(
  folder: string,
  seen: Set<string> = new Set(),
  warn: (message: string) => void = () => undefined,
): AsyncGenerator<string> {
  // A link may lead to a folder above.
  if (!(await isNew(folder, seen))) return;
  for (const name of await namesIn(folder, warn)) {
    if (name.startsWith('.') || name === 'node_modules' || name === '__pycache__') continue;
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory()) yield* dataFiles(path, seen, warn);
    else if (found?.isFile() && (await isDataset(path, name)) && (await isNew(path, seen)))
      yield path;
  }
}

async function isNew(path: string, seen: Set<string>): Promise<boolean> {
  const { size } = seen;
  return seen.add(await identityOf(path)).size > size;
}

/** The same for two names of one file or folder. A pipe is read as often as it is named. */
export async function identityOf(path: string): Promise<string> {
  try {
    const found = await stat(path, { bigint: true });
    if (!found.isFile() && !found.isDirectory()) return path;
    return found.ino === 0n ? await realpath(path) : `${found.dev}:${found.ino}`;
  } catch {
    return path;
  }
}

async function namesIn(folder: string, warn: (message: string) => void): Promise<string[]> {
  try {
    const names: string[] = [];
    for (const bytes of await readdir(folder, 'buffer')) {
      const name = bytes.toString('utf8');
      if (isUtf8(bytes)) names.push(name);
      else if (containerOfName(name) !== undefined)
        warn(
          `${join(folder, name)}: the file's name is not UTF-8 (${bytes.toString('latin1').replace(/[^ -~]/g, (c) => `\\x${c.charCodeAt(0).toString(16)}`)}): it is not read. Expected a name in UTF-8: rename it`,
        );
    }
    return names.sort();
  } catch (error) {
    warn(`${folder}: the folder cannot be read: ${messageOf(error)}`);
    return [];
  }
}

/** By the name; prose, which may be anything, also by what stands in it. */
async function isDataset(path: string, name: string): Promise<boolean> {
  const container = containerOfName(name);
  if (container === undefined || PROSE.test(name)) return false;
  if (container === 'json' && SETTINGS.test(name)) return false;
  if (factsOf(container).holds !== 'prose' || compressionOfName(name) !== 'none') return true;
  try {
    return splitMarkdown(await headOf(path)).some(({ role }) => role === 'assistant');
  } catch {
    return true; // the run reports it
  }
}

async function headOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD), 0, HEAD, 0);
    return buffer.toString('utf8', 0, bytesRead).replaceAll('\r\n', '\n');
  } finally {
    await file.close();
  }
}
