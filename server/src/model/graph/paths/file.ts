import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ModelConfig } from '../../checkpoint/config.js';
import type { TensorSource } from '../../checkpoint/safetensors.js';
import type { ExternalTensor } from '../builder.js';
import type { ConvertOptions } from '../convert-weights.js';
import { required } from '../weights.js';
import { convertPaths, EMBEDDING } from './convert.js';
import { buildPaths } from './graph.js';
import type { Variant } from './variants.js';

/** Beside backbone.onnx of a graph of paths: its variant, and where the table of embeddings lies. */
export const PATHS = 'paths.json';

export interface PathsFile {
  readonly variant: Variant;
  readonly embedding: ExternalTensor;
}

/**
 * Writes the weights, the graph and paths.json of a variant.
 * @param names of the graph's and the weights' file in the folder
 */
export async function writePaths(
  source: TensorSource,
  config: ModelConfig,
  variant: Variant,
  folder: string,
  names: { readonly graph: string; readonly data: string },
  options: ConvertOptions = {},
): Promise<void> {
  const path = join(folder, names.data);
  const index = await convertPaths(source, config, variant, path, names.data, options);
  const lookup = (name: string): ExternalTensor | undefined => index[name];
  const file: PathsFile = { variant, embedding: required(lookup, EMBEDDING) };
  await writeFile(join(folder, names.graph), buildPaths(config, variant, lookup));
  await writeFile(join(folder, PATHS), JSON.stringify(file));
}

/** @param backbone path of the .onnx. @throws Error naming the file, when it is none of these */
export async function readPathsFile(backbone: string): Promise<PathsFile> {
  const path = join(dirname(backbone), PATHS);
  const json = JSON.parse(await readFile(path, 'utf8')) as Partial<PathsFile>;
  if (json.variant?.id === undefined || json.embedding?.shape.length !== 2)
    throw new Error(`${path}: expected a variant and the place of the embeddings`);
  return json as PathsFile;
}
