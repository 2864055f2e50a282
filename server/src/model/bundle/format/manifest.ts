import { createHash } from 'node:crypto';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { QrmSpec } from '../../../qrm/types.js';
import { ARCHITECTURE_NAMES } from '../../checkpoint/architecture/rows.js';
import type { ModelConfig } from '../../checkpoint/config.js';
import { errorCode, exists, fileHash, readJson, type Json } from '../../files.js';

/**
 * Raised whenever the numbers or the inputs of a converted model change (graph/, convert-weights.ts):
 * conversions of another version are made again, scores of another version are not reused.
 */
export const GRAPH_VERSION = 4;
/** The same of the graph of paths (graph/paths/), which other scores do not know. */
export const PATHS_VERSION = 1;

export const MANIFEST = 'bundle.json';
export const BACKBONE = 'backbone.onnx';
export const BACKBONE_DATA = 'backbone.data';
const FORMAT = 'qrm-lens-bundle';
const FORMAT_VERSION = 1;
/** Files up to this size are hashed at every opening; larger ones when they are converted. */
const HASH_LIMIT = 16 << 20;

/** `bundle.json`: what a bundle is and which files make it. */
export interface Manifest {
  readonly format: typeof FORMAT;
  readonly version: typeof FORMAT_VERSION;
  readonly name: string;
  readonly description?: string;
  /** SPDX identifier, such as `Apache-2.0`. */
  readonly licence?: string;
  readonly attributes: readonly string[];
  /** Quantile levels tau_k. */
  readonly levels: readonly number[];
  /** `onnx`: backbone.onnx runs as it is. `compact`: quantised blocks, expanded into the cache once. */
  readonly weights: 'onnx' | 'compact';
  /** Of the weights as stored: float32 and int8 run, others (`Q4_1`) are expanded first. */
  readonly precision: string;
  /** GRAPH_VERSION of backbone.onnx, or PATHS_VERSION where its precision is int4. */
  readonly graphVersion?: number;
  /** Token ids that open the assistant's turn, for information: the tokenizer derives them. */
  readonly gatingPattern: readonly number[];
  readonly maxTokens: number;
  readonly config: ModelConfig;
  readonly files: Readonly<Record<string, BundleFile>>;
}

export interface BundleFile {
  readonly size: number;
  readonly sha256: string;
}

/** Writes bundle.json, with size and hash of the named files. */
export async function writeManifest(
  folder: string,
  manifest: Omit<Manifest, 'format' | 'version' | 'files'>,
  names: readonly string[],
): Promise<void> {
  const files: Record<string, BundleFile> = {};
  for (const name of [...names].sort()) {
    const path = join(folder, name);
    files[name] = { size: (await stat(path)).size, sha256: await fileHash(path) };
  }
  const json: Manifest = { format: FORMAT, version: FORMAT_VERSION, ...manifest, files };
  await writeFile(join(folder, MANIFEST), `${JSON.stringify(json, null, 2)}\n`);
}

export async function isBundle(folder: string): Promise<boolean> {
  return exists(join(folder, MANIFEST));
}

/**
 * Reads and checks bundle.json, the sizes of all files and the hashes of all but the large ones.
 * @throws Error naming file and field, and what was expected
 */
export async function readManifest(folder: string): Promise<Manifest> {
  const file = join(folder, MANIFEST);
  const json = await readJson(file);
  const manifest = checkManifest(json, file);
  for (const name of Object.keys(manifest.files)) {
    await checkFile(folder, manifest, name, HASH_LIMIT);
  }
  return manifest;
}

/**
 * Compares a file with what the manifest says of it; files above `hashLimit` bytes by size only.
 * @throws Error naming the file and what differs
 */
export async function checkFile(
  folder: string,
  manifest: Manifest,
  name: string,
  hashLimit = Infinity,
): Promise<void> {
  const path = join(folder, name);
  const { size, sha256 } = manifest.files[name]!;
  const found = await stat(path).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') throw new Error(`${path}: the file is missing`);
    throw error;
  });
  if (found.size !== size) {
    throw new Error(`${path}: ${found.size} bytes, ${MANIFEST} says ${size}: the file is damaged`);
  }
  if (size <= hashLimit && (await fileHash(path)) !== sha256) {
    throw new Error(`${path}: its SHA-256 differs from ${MANIFEST}'s: the file is damaged`);
  }
}

/** The identity of what a bundle computes: its name and description do not enter. */
export function manifestFingerprint(manifest: Manifest): string {
  const { config, files, levels, attributes, maxTokens } = manifest;
  const hashes = Object.entries(files).map(([name, { sha256 }]) => [name, sha256]);
  return createHash('sha256')
    .update(JSON.stringify([config, hashes, levels, attributes, maxTokens]))
    .digest('hex')
    .slice(0, 32);
}

export function specOf(manifest: Manifest): QrmSpec {
  return { attributes: manifest.attributes, levels: manifest.levels };
}

type Check = (value: unknown) => boolean;
const isString: Check = (v) => typeof v === 'string' && v !== '';
const isCount: Check = (v) => Number.isInteger(v) && (v as number) > 0;
const isObject: Check = (v) => typeof v === 'object' && v !== null && !Array.isArray(v);
const listOf =
  (check: Check): Check =>
  (v) =>
    Array.isArray(v) && v.length > 0 && v.every(check);

const FIELDS: Readonly<Record<string, readonly [Check, string]>> = {
  format: [(v) => v === FORMAT, `"${FORMAT}"`],
  version: [(v) => v === FORMAT_VERSION, `${FORMAT_VERSION}`],
  name: [isString, 'a text'],
  attributes: [listOf(isString), 'a list of names'],
  levels: [listOf((v) => typeof v === 'number' && v > 0 && v < 1), 'a list of numbers in (0, 1)'],
  weights: [(v) => v === 'onnx' || v === 'compact', '"onnx" or "compact"'],
  precision: [isString, 'a text'],
  gatingPattern: [
    (v) => Array.isArray(v) && v.every((id) => Number.isInteger(id)),
    'a list of token ids',
  ],
  maxTokens: [isCount, 'a whole number above 0'],
  config: [isObject, 'an object'],
  files: [isObject, 'an object'],
};
const CONFIG_COUNTS = [
  'layers',
  'hiddenSize',
  'intermediateSize',
  'heads',
  'kvHeads',
  'headDim',
  'vocabSize',
  'maxPositions',
];

function checkManifest(json: Json, file: string): Manifest {
  const fail = (field: string, value: unknown, expected: string): Error =>
    new Error(
      `${file}: "${field}" is ${(JSON.stringify(value) ?? 'nothing').slice(0, 80)}; expected ${expected}`,
    );
  for (const [field, [check, expected]] of Object.entries(FIELDS)) {
    if (!check(json[field])) throw fail(field, json[field], expected);
  }
  const config = json['config'] as Json;
  const { architecture } = config;
  if (!ARCHITECTURE_NAMES.some((name) => name === architecture)) {
    throw fail('config.architecture', architecture, `one of ${ARCHITECTURE_NAMES.join(', ')}`);
  }
  for (const field of CONFIG_COUNTS) {
    if (!isCount(config[field])) throw fail(`config.${field}`, config[field], 'a whole number');
  }
  for (const [name, entry] of Object.entries(json['files'] as Json)) {
    // A name with a separator could point outside the bundle.
    if (/[/\\]|^\.+$/.test(name)) throw fail(`files.${name}`, name, 'the name of a file beside it');
    const { size, sha256 } = (isObject(entry) ? entry : {}) as Partial<BundleFile>;
    if (!Number.isInteger(size)) throw fail(`files.${name}.size`, size, 'a number of bytes');
    if (!/^[0-9a-f]{64}$/.test(String(sha256))) {
      throw fail(`files.${name}.sha256`, sha256, '64 hexadecimal digits');
    }
  }
  return json as unknown as Manifest;
}
