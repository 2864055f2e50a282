import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { messageOf } from '../errors.js';
import type { ByteEdit, Compression, Container } from '../datasets/index.js';
import { applied } from './apply/text-edits.js';
import type { RowVerdict } from './changes.js';
import { FileBytes } from './apply/file-bytes.js';
import { writePieces } from './apply/output.js';

export const MANIFEST = 'qrm-clean.json';
/** What a jury found of each pair, beside it. */
export const VERDICTS = 'qrm-clean.jury.jsonl';

/** How the file that was cleaned becomes the original again: bytes [start, end) of it are `text` there. */
export type Inverse = readonly [
  start: number,
  end: number,
  text: string | { readonly base64: string },
];

export interface ManifestFile {
  /** Where the original was. */
  readonly source: string;
  readonly sha256: string;
  readonly container: Container;
  readonly compression: Compression;
  readonly records: number;
  readonly outputs: readonly {
    /** Beside the manifest. */
    readonly name: string;
    readonly part?: string;
    readonly sha256: string;
    readonly plain: string;
  }[];
  readonly removed: number;
  readonly swapped: number;
  /** Each changed row, its line counted from 1 where the file has lines, and why. */
  readonly changes: readonly {
    readonly row: number;
    readonly line?: number;
    readonly action: string;
    readonly reasons: readonly string[];
    readonly jury?: RowVerdict;
  }[];
  readonly unchanged: readonly { readonly row: number; readonly why: string }[];
  /** Of a text file that stayed one. */
  readonly undo?: readonly Inverse[];
  /** A copy of the original beside the manifest, where edits do not give its very bytes again. */
  readonly original?: string;
}

export interface Manifest {
  readonly program: 'qrm clean';
  readonly version: 1;
  readonly qrm: string;
  readonly created: string;
  readonly command: readonly string[];
  readonly model: { readonly name: string; readonly hash: string; readonly precision: string };
  /** Where several judged: who, how right each is by the jury's own account, and what they found together. */
  readonly jury?: {
    readonly quorum: number;
    readonly judges: readonly {
      readonly name: string;
      readonly hash: string;
      readonly precision: string;
      readonly attribute?: string;
      /** Share of the pairs in which it is right, and how many it judged. */
      readonly accuracy: number;
      readonly votes: number;
    }[];
    /** Share of right labels, as the jury has it; null without pairs. */
    readonly labelAccuracy: number | null;
    /** The judges count as so many that err independently. */
    readonly effective: number;
    readonly pairs: number;
    readonly mislabelled: number;
    /** Beside the manifest: a line of JSON for each pair. */
    readonly verdicts: string;
  };
  readonly thresholds: Readonly<Record<string, unknown>>;
  readonly files: readonly ManifestFile[];
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

const textOf = (bytes: Buffer): Inverse[2] => {
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : { base64: bytes.toString('base64') };
};

/** The edits that take `edits` back, by offsets of the file that those make. */
export function inverseOf(
  edits: readonly ByteEdit[],
  read: (from: number, to: number) => Buffer,
): Inverse[] {
  let shift = 0;
  return edits.map(({ start, end, bytes }) => {
    const from = start + shift;
    shift += bytes.length - (end - start);
    return [from, from + bytes.length, textOf(Buffer.from(read(start, end)))];
  });
}

/** @throws Error naming the file and what was expected */
export async function readManifest(path: string): Promise<Manifest> {
  const file = existsSync(join(path, MANIFEST)) ? join(path, MANIFEST) : path;
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new Error(`${file}: no manifest of qrm clean: ${messageOf(error)}`);
  }
  const made = value as Partial<Manifest> | null;
  if (made?.program !== 'qrm clean' || made.version !== 1 || !Array.isArray(made.files))
    throw new Error(
      `${file}: expected a manifest of qrm clean (version 1), found another JSON file`,
    );
  return made as Manifest;
}

export interface Undone {
  readonly path: string;
  /** Made from what: an edit of the cleaned file, the copy, or the original that is still there. */
  readonly from: 'edits' | 'copy' | 'original';
}

/**
 * Writes the originals of a manifest into a folder (default: the manifest's own, over the cleaned files).
 * Each is compared with the manifest's hash before it is there.
 * @throws Error naming a file that was changed since
 */
export async function undo(
  manifestPath: string,
  out?: string,
  signal?: AbortSignal,
): Promise<Undone[]> {
  const manifest = await readManifest(manifestPath);
  const folder = existsSync(join(manifestPath, MANIFEST)) ? manifestPath : dirname(manifestPath);
  const done: Undone[] = [];
  for (const file of manifest.files) {
    const path = join(
      out ?? folder,
      basename(file.outputs.length === 1 ? file.outputs[0]!.name : file.source),
    );
    done.push({ path, from: await restore(file, folder, path, signal) });
  }
  return done;
}

async function restore(
  file: ManifestFile,
  folder: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Undone['from']> {
  if (existsSync(path) && (await sha256Of(path)) === file.sha256) return 'original';
  const copy = file.original === undefined ? undefined : join(folder, file.original);
  for (const [from, at] of [
    ['copy', copy],
    ['original', file.source],
  ] as const) {
    if (at === undefined || !existsSync(at) || resolve(at) === resolve(path)) continue;
    if ((await sha256Of(at)) !== file.sha256) continue;
    await writePieces(path, createReadStream(at), 'none', signal);
    return from;
  }
  const [output] = file.outputs;
  if (file.undo === undefined || output === undefined)
    throw new Error(`${file.source}: neither the original nor its copy is there any more`);
  const cleaned = join(folder, output.name);
  const now = existsSync(cleaned) ? await sha256Of(cleaned) : undefined;
  if (now !== output.sha256)
    throw new Error(
      `${cleaned}: ${now === undefined ? 'is missing' : 'was changed since it was cleaned'}; expected the file that the manifest describes`,
    );
  const bytes = await FileBytes.open(cleaned, file.compression !== 'none', signal);
  try {
    const edits = file.undo.map(([start, end, text]) => ({
      start,
      end,
      bytes: typeof text === 'string' ? Buffer.from(text) : Buffer.from(text.base64, 'base64'),
    }));
    const written = await writePieces(
      path,
      applied(edits, bytes.read, bytes.size),
      file.compression,
      signal,
    );
    if (file.compression === 'none' && written.sha256 !== file.sha256)
      throw new Error(`${path}: what the manifest gives is not the original (another hash)`);
  } finally {
    await bytes.close();
  }
  return 'edits';
}
