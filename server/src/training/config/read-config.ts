import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import { doubleKey } from '../../files/json-keys.js';
import { readUserText } from '../../files/user-text.js';
import { whyUnread } from '../../files/why.js';
import { parseJson } from '../../model/files.js';
import { sourceList, type NamedSource } from './sources.js';
import { TRAIN_SCHEMA, schemaProblems } from './config-schema.js';
import { isName, NAMES } from '../data/rated.js';
import {
  DEFAULTS,
  PAPER_GATE,
  type AttributeSource,
  type GateConfig,
  type PairSource,
  type TrainConfig,
} from './config.js';

/** A config as written, or options of the command line in its form; the latter win. */
export type PartialConfig = { readonly [K in keyof TrainConfig]?: unknown } & {
  readonly data?: unknown;
};

/**
 * Reads `--config`, with the command line's options over it.
 * @param file undefined where all is on the command line
 * @param options whose paths are relative to the working directory
 * @throws Error naming the file and each field that is wrong, or an option that is missing
 */
export async function readTrainConfig(
  file: string | undefined,
  options: PartialConfig,
): Promise<TrainConfig> {
  const written = file === undefined ? {} : readWritten(file);
  const where = file ?? 'qrm train';
  if (typeof written !== 'object' || written === null || Array.isArray(written)) {
    throw new Error(`${where}: expected a JSON object`);
  }
  const problems = schemaProblems({ attributes: [], ...written, ...options }, TRAIN_SCHEMA);
  if (problems.length > 0) throw new Error(problems.map((p) => `${where}: ${p}`).join('\n'));
  return completeConfig(written, options, file);
}

/** The URLs of `endpoint`; none where the backbone runs here. */
export const endpointsOf = ({ endpoint = '' }: Pick<TrainConfig, 'endpoint'>): string[] =>
  endpoint.trim() === '' ? [] : endpoint.split(',').map((url) => url.trim());

function readWritten(file: string): Readonly<Record<string, unknown>> {
  if (!existsSync(file)) throw new Error(`${file}: the file is missing`);
  let text: string;
  try {
    text = readUserText(file);
  } catch (error) {
    throw new Error(`${file}: ${whyUnread(error)}`, { cause: error });
  }
  const config = parseJson(text, file);
  const double = doubleKey(text);
  if (double !== undefined)
    throw new Error(`${file}: the key "${double}" stands twice in one object; expected it once`);
  return config;
}

async function completeConfig(
  written: Readonly<Record<string, unknown>>,
  options: PartialConfig,
  file: string | undefined,
): Promise<TrainConfig> {
  const where = file ?? 'qrm train';
  const base = file === undefined ? '.' : dirname(file);
  // Of the schema: types are checked.
  const all = { ...DEFAULTS, ...written, ...options } as unknown as TrainConfig & { data?: string };
  const path = (key: keyof PartialConfig): string | undefined => {
    const value = all[key as keyof typeof all] as string | undefined;
    return value === undefined ? undefined : resolve(key in options ? '.' : base, value);
  };
  const folder = path('data') ?? base;
  const sources = <T extends NamedSource>(key: 'attributes' | 'pairs'): readonly (string | T)[] =>
    (all[key] ?? []) as (string | T)[];
  const from = (key: 'attributes' | 'pairs'): string => (key in options ? '.' : folder);
  for (const url of endpointsOf(all)) {
    if (/^https?:\/\//i.test(url) && URL.canParse(url)) continue;
    const expected = 'expected URLs such as http://127.0.0.1:8000';
    throw new Error(`${where}: endpoint: found ${JSON.stringify(url)}, ${expected}`);
  }
  const out = path('out');
  if (out === undefined) throw new Error(`${where}: no --out: expected the folder of the bundle`);
  const work = path('work') ?? `${out}.work`;
  const made = [out, work, path('checkpoint'), file].flatMap((p) => p ?? []);
  const list = sourceList(made, where);
  const attributes = await list.add(from('attributes'), sources<AttributeSource>('attributes'));
  const pairs = await list.add(from('pairs'), sources<PairSource>('pairs'));
  if (attributes.length === 0 && pairs.every((p) => p.attribute === undefined)) {
    throw new Error(`${where}: no --attributes: expected files of rated responses`);
  }
  for (const [i, { scale = {} }] of attributes.entries()) {
    for (const [name, [least, greatest]] of Object.entries(scale)) {
      if (least < greatest) continue;
      const found = `attributes[${i}].scale.${name}: found ${JSON.stringify([least, greatest])}`;
      throw new Error(`${where}: ${found}, expected [least, greatest]`);
    }
  }
  const weights = Object.values(all.weights ?? {});
  if (weights.length > 0 && weights.every((w) => w === 0)) {
    throw new Error(`${where}: weights: all are 0`);
  }
  for (const [i, { attribute }] of pairs.entries()) {
    if (attribute !== undefined && !isName(attribute)) {
      throw new Error(`${where}: pairs[${i}].attribute: expected a name ${NAMES}`);
    }
  }
  const { backbone } = all;
  return {
    ...all,
    // A path where there is one; else a name that is looked up.
    backbone: backbone !== undefined && existsSync(path('backbone')!) ? path('backbone') : backbone,
    attributes,
    pairs,
    out,
    checkpoint: path('checkpoint'),
    work,
    gate: {
      ...PAPER_GATE,
      ...(written['gate'] as object),
      ...(options.gate as object),
    } as GateConfig,
    threads: all.threads ?? availableParallelism(),
  };
}
