import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode } from '../../files.js';

/** Beside backbone.onnx: the token ids whose keys and values its weights hold (convert-int8.ts). */
export const PREFIX = 'prefix.json';

export async function writePrefix(folder: string, ids: readonly number[]): Promise<void> {
  await writeFile(join(folder, PREFIX), JSON.stringify(ids));
}

/** The stored beginning of a backbone; empty where it has none. @param backbone path of the .onnx */
export async function readPrefix(backbone: string): Promise<readonly number[]> {
  const path = join(dirname(backbone), PREFIX);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
  const ids: unknown = JSON.parse(text);
  if (!Array.isArray(ids) || !ids.every((id) => Number.isInteger(id))) {
    throw new Error(`${path}: expected a list of token ids`);
  }
  return ids as number[];
}
