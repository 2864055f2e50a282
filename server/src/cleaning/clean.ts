import { constants } from 'node:fs';
import { copyFile, rename } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import {
  compressionOfName,
  type Container,
  csvDialect,
  type DatasetFormat,
  DIALECT_BYTES,
  type Writing,
} from '../datasets/index.js';
import { factsOf, WRITTEN_TITLES } from '../datasets/formats.js';
import type { DatasetEvent, DatasetRow } from '../datasets/types.js';
import type { FilePlan } from './changes.js';
import { FileBytes } from './apply/file-bytes.js';
import { inverseOf, sha256Of, type ManifestFile } from './manifest.js';
import { writePieces } from './apply/output.js';
import { cleanedParquet } from './apply/parquet-rows.js';
import type { Part } from './split.js';
import { applied, textEdits } from './apply/text-edits.js';

export interface FileToClean {
  readonly path: string;
  readonly format: DatasetFormat;
  readonly plan: FilePlan;
  readonly events: () => AsyncIterable<DatasetEvent>;
}

/** Why a file of this format cannot be written again; undefined where it can. */
export function whyNotCleaned({ container, log }: DatasetFormat): string | undefined {
  const expected = `expected ${WRITTEN_TITLES}, plain or compressed`;
  if (log !== undefined)
    return `a log of which many lines make a row cannot be cleaned; ${expected}`;
  const why = factsOf(container).unwritten;
  return why === undefined ? undefined : `${why}; ${expected}`;
}

/** `pairs.jsonl.gz` of the part `train` is `pairs.train.jsonl.gz`. */
export function partName(path: string, part: string | undefined): string {
  const name = basename(path);
  if (part === undefined) return name;
  const packed = compressionOfName(name) === 'none' ? '' : extname(name);
  const plain = name.slice(0, name.length - packed.length);
  const extension = extname(plain);
  return `${plain.slice(0, plain.length - extension.length)}.${part}${extension}${packed}`;
}

/** How a file's rows are written: its table's dialect, where it is one. */
export function writingOf(container: Container, bytes: FileBytes): Writing {
  if (container !== 'csv' && container !== 'tsv') return { container };
  const head = Buffer.from(bytes.read(0, DIALECT_BYTES));
  return { container, dialect: csvDialect(head, container, bytes.size <= head.length) };
}

/**
 * Writes a file's cleaned form, each part of it, into a folder; the original is only read.
 * @returns what the manifest says of it
 */
export async function cleanFile(
  file: FileToClean,
  folder: string,
  names: (part: string | undefined) => string,
  parts: readonly Part[] | undefined,
  signal?: AbortSignal,
): Promise<ManifestFile> {
  const { path, format, plan } = file;
  const { container, compression } = format;
  const before = await sha256Of(path);
  const outputs: ManifestFile['outputs'][number][] = [];
  const whole: readonly (Part | undefined)[] = parts ?? [undefined];
  let inverse: ManifestFile['undo'];
  let found:
    | { unchanged: ManifestFile['unchanged']; lines: Map<number, number>; records: number }
    | undefined;
  if (container === 'parquet') {
    const rows = await swappedRows(file);
    for (const [n, part] of whole.entries()) {
      const made = await cleanedParquet(path, plan, (row) => rows.get(row), part && n);
      const name = names(part?.name);
      const written = await writePieces(join(folder, name), [made.bytes], 'none', signal);
      outputs.push({
        name,
        ...(part && { part: part.name }),
        sha256: written.sha256,
        plain: written.plain,
      });
      found ??= { unchanged: made.unchanged, lines: new Map(), records: rows.count };
    }
  } else {
    const bytes = await FileBytes.open(path, compression !== 'none', signal);
    try {
      const writing = writingOf(container, bytes);
      for (const [n, part] of whole.entries()) {
        const made = await textEdits(
          file.events(),
          writing,
          plan,
          bytes.read,
          bytes.size,
          part && n,
        );
        if (part === undefined) inverse = inverseOf(made.edits, bytes.read);
        const name = names(part?.name);
        const pieces = applied(made.edits, bytes.read, bytes.size);
        const written = await writePieces(join(folder, name), pieces, compression, signal);
        outputs.push({
          name,
          ...(part && { part: part.name }),
          sha256: written.sha256,
          plain: written.plain,
        });
        found ??= made;
      }
    } finally {
      await bytes.close();
    }
  }
  if ((await sha256Of(path)) !== before)
    throw new Error(`${path}: the file was changed while it was cleaned; run again`);
  const exact = inverse !== undefined && compression === 'none';
  const original = exact ? undefined : `.qrm-original-${before.slice(0, 16)}`;
  if (original !== undefined) {
    const to = join(folder, original);
    await copyFile(path, `${to}.part`, constants.COPYFILE_FICLONE);
    await rename(`${to}.part`, to);
  }
  const left = new Set(found?.unchanged.map((u) => u.row));
  const changes = [...plan.changes]
    .filter(([row]) => !left.has(row))
    .sort(([a], [b]) => a - b)
    .map(([row, { action, reasons, jury }]) => {
      const line = found?.lines.get(row);
      return {
        row,
        ...(line !== undefined && { line: line + 1 }),
        action,
        reasons,
        ...(jury && { jury }),
      };
    });
  return {
    source: resolve(path),
    sha256: before,
    container,
    compression,
    records: found?.records ?? 0,
    outputs,
    removed: changes.filter((c) => c.action === 'remove').length,
    swapped: changes.filter((c) => c.action === 'swap').length,
    changes,
    unchanged: found?.unchanged ?? [],
    ...(inverse !== undefined && { undo: inverse }),
    ...(original !== undefined && { original }),
  };
}

/** The rows that are to be swapped, and how many there are. */
async function swappedRows({
  events,
  plan,
}: FileToClean): Promise<Map<number, DatasetRow> & { count: number }> {
  const rows = Object.assign(new Map<number, DatasetRow>(), { count: 0 });
  let last = -1;
  for await (const event of events()) {
    const index = event.type === 'row' ? event.row.index : event.problem.index;
    if (index !== undefined && index !== last) rows.count++;
    last = index ?? last;
    if (event.type === 'row' && plan.changes.get(event.row.index)?.action === 'swap')
      rows.set(event.row.index, event.row);
  }
  return rows;
}
