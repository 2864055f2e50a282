import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { dataFiles, identityOf, isStandardInput } from '../datasets/index.js';
import { holdsRows } from '../datasets/process/index.js';
import { targetOf } from '../files/target.js';
import { UsageError } from './errors.js';
import { IGNORE_FILE } from '../audit/index.js';

/** The same for all names of one input: standard input may be a file that is named as well. */
const inputOf = (path: string): Promise<string> =>
  identityOf(isStandardInput(path) ? '/dev/stdin' : path);

/**
 * Looks over the files that a command is to write: rather now than after hours.
 * @throws UsageError where one of them is also read, or named twice; Error where one cannot be written
 */
export async function checkOutputs(
  outs: readonly (string | undefined)[],
  inputs: readonly string[],
): Promise<void> {
  const taken = new Map<string, string>();
  for (const path of inputs) taken.set(await inputOf(path), 'is read as well');
  for (const out of outs) {
    if (out === undefined) continue;
    const target = targetOf(out);
    if (target.kind !== 'file') continue;
    // Of a file that is not there yet, its name.
    const id = target.old ? await identityOf(target.path) : resolve(target.path);
    const why = taken.get(id);
    if (why !== undefined) throw new UsageError(`${out} ${why}; expected the name of another file`);
    taken.set(id, 'is written twice');
  }
}

/** Lists of ignored findings: that of the working folder, and those beside the data. */
export const ignoreFiles = (files: readonly string[]): string[] => [
  ...new Set(['.', ...files.map(dirname)].map((folder) => join(folder, IGNORE_FILE))),
];

let passed = false;
/** Was something in a folder passed over that cannot be read? The run then ends as with such a file. */
export const passedOver = (): boolean => passed;

/** Reports of an earlier run in the folders that are read are no data, and may be written again. */
async function earlier(outs: readonly (string | undefined)[], seen: Set<string>): Promise<void> {
  for (const out of outs) {
    const found = out === undefined ? undefined : await stat(out).catch(() => undefined);
    if (out === undefined || found?.isFile() !== true) continue;
    if (!(await holdsRows(out, undefined).catch(() => true))) seen.add(await identityOf(out));
  }
}

/**
 * The files named, and the datasets in the folders named, each once however it is reached, folders in name
 * order.
 * @param warn told of folders that cannot be read
 * @param outs what is written: in a folder it is no input, unless it holds data
 */
export async function expandFiles(
  paths: readonly string[],
  warn: (message: string) => void = () => undefined,
  outs: readonly (string | undefined)[] = [],
): Promise<string[]> {
  const files: string[] = [];
  const seen = new Set<string>();
  const written = new Set<string>();
  await earlier(outs, written);
  for (const path of paths) {
    const found = path === '-' ? undefined : await stat(path).catch(() => undefined);
    if (found?.isDirectory()) {
      const tell = (message: string): void => {
        passed = true;
        warn(message);
      };
      for await (const file of dataFiles(path, seen, tell))
        if (!written.has(await identityOf(file))) files.push(file);
      continue;
    }
    // A path that cannot be read stays in the list: the run reports it and goes on with the others.
    const { size } = seen;
    if (seen.add(await inputOf(path)).size > size) files.push(path);
  }
  if (files.length === 0) throw new UsageError(`no dataset files in ${paths.join(', ')}`);
  return files;
}
