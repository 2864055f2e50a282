import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  detectFormat,
  splitMarkdown,
  type DatasetFormat,
  type FieldMapping,
} from '../datasets/index.js';
import { mappingFor } from '../live/disk/detect-file.js';

const DATA = /\.(jsonl|ndjson|json|csv|tsv|parquet|arrow|feather|eval|md|markdown)(\.(gz|zst))?$/i;
const SURE = /\.(jsonl|ndjson)$/i;
const HEAD = 256 * 1024;

export const isDataFile = (path: string): boolean => DATA.test(path);

/** Dataset files of a folder and of its folders, in name order; hidden ones and node_modules left out. */
export async function* dataFiles(folder: string): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* dataFiles(path);
    else if (isDataFile(entry.name)) yield path;
  }
}

export interface Detected {
  readonly format: DatasetFormat;
  /** What it is read with. */
  readonly mapping: FieldMapping | undefined;
  /** Surely data to audit: worth doing without being asked. */
  readonly sure: boolean;
}

/** What an open text is, from its beginning: so little is looked at here, no other process is waited for. */
export async function detectText(
  lines: readonly string[],
  name: string,
  given?: FieldMapping,
): Promise<Detected | undefined> {
  let head = '';
  for (const line of lines) {
    head += line;
    if (head.length > HEAD) break;
  }
  const format = await detectFormat({ bytes: Buffer.from(head), name }, undefined, given);
  if (format === undefined) return undefined;
  if (format.container === 'markdown')
    return { format, mapping: undefined, sure: isTranscript(head) };
  return {
    format,
    mapping: mappingFor(format, given),
    sure: SURE.test(name) || format.schema !== 'unknown',
  };
}

/** Two questions with their answers, one after the other, are no accident of a README. */
function isTranscript(text: string): boolean {
  const roles = splitMarkdown(text.replaceAll('\r\n', '\n')).map((t) => t.role);
  const answered = roles.filter((role, n) => role === 'assistant' && roles[n - 1] === 'user');
  return answered.length >= 2 || (answered.length === 1 && roles.length === 2);
}
