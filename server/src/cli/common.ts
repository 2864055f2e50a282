import { existsSync } from 'node:fs';
import { visible } from '../audit/report/index.js';
import type { Container, FieldMapping } from '../datasets/index.js';
import { commandLineSource } from '../datasets/index.js';
import { readDataset, readWritten } from '../datasets/process/index.js';
import type { KnownAsk } from '../session/known/rows.js';
import type { openEvaluator } from './engine.js';

type EngineOptions = NonNullable<Parameters<typeof openEvaluator>[0]>;

/** How files are read. */
export interface InputOptions {
  inputFormat?: Container;
  mapping?: FieldMapping;
}

/** The options that `audit` and `score` share, as commander gives them. */
export interface CommonOptions extends InputOptions {
  model?: string;
  device?: EngineOptions['device'];
  precision?: EngineOptions['precision'];
  /** GB. */
  gpuMemory?: number;
  threads?: number;
  endpoint?: readonly string[];
  weights?: string;
  lambda: number;
  tau: number;
  cvarLevel: number;
  limit?: number;
  store: boolean;
  quiet?: boolean;
  out?: string;
}

/** @param aside whether rows come with what else their records hold */
export async function* open(path: string, o: InputOptions, signal?: AbortSignal, aside = false) {
  const source = await commandLineSource(path);
  yield* readDataset(source, { format: o.inputFormat, mapping: o.mapping, signal, aside });
}

/** The same, with rows of known scores as numbers. */
export async function* openKnown(path: string, o: InputOptions, ask: KnownAsk) {
  const source = await commandLineSource(path);
  yield* readWritten(source, { format: o.inputFormat, mapping: o.mapping }, ask);
}

/** Says so, and gives true, when not one of the files exists: then no model need be loaded. */
export function noneExists(files: readonly string[]): boolean {
  if (files.some((path) => path === '-' || existsSync(path))) return false;
  for (const path of files)
    console.error(
      `qrm: ${visible(path)}: no such file or folder${path.includes('\ufffd') ? ' (a name that is not UTF-8 is not found: rename it)' : ''}`,
    );
  return true;
}

/** An error that costs one path, and nothing else. */
export function complain(message: string): void {
  process.stderr.write(`${visible(`qrm: ${message}`)}\n`);
}
