import { copyFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isBundle } from './manifest.js';
import { errorCode } from '../../files.js';
import { HEADS_JSON, HEADS_TENSORS, writeHeads } from '../../heads/heads-files.js';
import type { QrmHeads } from '../../heads/heads.js';

/** Writes heads and tokenizer into a bundle's folder. Returns the names of the files. */
export async function writeParts(
  folder: string,
  heads: QrmHeads,
  tokenizerFiles: Readonly<Record<string, string>>,
): Promise<string[]> {
  await writeHeads(heads, folder);
  for (const [name, text] of Object.entries(tokenizerFiles)) {
    await writeFile(join(folder, name), text);
  }
  return [HEADS_JSON, HEADS_TENSORS, ...Object.keys(tokenizerFiles)];
}

/** Copies the licence texts that lie in a checkpoint's folder. Returns their names. */
export async function copyLicences(from: string, folder: string): Promise<string[]> {
  if (!(await stat(from)).isDirectory()) return [];
  const names = (await readdir(from)).filter((n) => /^(licen[cs]e|notice|use_policy)/i.test(n));
  const copied: string[] = [];
  for (const name of names) {
    if (!(await stat(join(from, name))).isFile()) continue;
    await copyFile(join(from, name), join(folder, name));
    copied.push(name);
  }
  return copied;
}

/** @throws Error when the folder holds anything that is not a bundle */
export async function requireReplaceable(target: string): Promise<void> {
  const names = await readdir(target).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    if (errorCode(error) === 'ENOTDIR') throw new Error(`${target}: is a file; expected a folder`);
    throw error;
  });
  if (names.length > 0 && !(await isBundle(target))) {
    throw new Error(`${target}: holds other files and no bundle.json; choose a new folder`);
  }
}
