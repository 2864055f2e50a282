import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeBackbone } from '../../model/bundle/backbone/files.js';
import {
  BACKBONE,
  BACKBONE_DATA,
  GRAPH_VERSION,
  PATHS_VERSION,
  isBundle,
  readManifest,
} from '../../model/bundle/format/manifest.js';
import { copyLicences } from '../../model/bundle/format/parts.js';
import { openCheckpoint } from '../../model/bundle/published/checkpoint.js';
import { openCompact } from '../../model/bundle/format/compact.js';
import { locateModel } from '../../model/bundle/locate.js';
import { cacheIfAny } from '../../model/bundle/model-cache.js';
import { PREFIX } from '../../model/bundle/backbone/prefix.js';
import {
  compactWeights,
  writeBundle,
  type StoredWeights,
} from '../../model/bundle/format/write-bundle.js';
import type { ModelConfig } from '../../model/checkpoint/config.js';
import { fingerprint } from '../../model/checkpoint/fingerprint.js';
import { openGguf } from '../../model/checkpoint/gguf/gguf.js';
import type { TensorSource } from '../../model/checkpoint/safetensors.js';
import { modelName } from '../../model/files.js';
import { calibrate, prefersInt8 } from '../../model/int8/convert-int8.js';
import { CALIBRATION } from '../../model/int8/layer-calibration.js';
import type { Precision } from '../../protocol/index.js';
import { PATHS } from '../../model/graph/paths/file.js';
import type { QrmHeads } from '../../model/heads/heads.js';
import { ChatTokenizer } from '../../model/tokenizer/chat-tokenizer.js';

/** In what form a bundle holds converted weights. */
export type StoredPrecision = 'float32' | 'int8' | 'int4';

/** That of the features, where a bundle has it; float16 and bfloat16 are laid out for one kind of device. */
export function storedPrecision(wanted: 'auto' | Precision, config: ModelConfig): StoredPrecision {
  if (wanted === 'float32' || wanted === 'int8' || wanted === 'int4') return wanted;
  return prefersInt8(config) ? 'int8' : 'float32';
}

/** A backbone to train on, cut after its first layers; heads that it came with are not looked at. */
export interface TrainBackbone {
  readonly name: string;
  readonly path: string;
  /** Of the cut model. */
  readonly config: ModelConfig;
  readonly totalLayers: number;
  readonly source: TensorSource;
  readonly tokenizer: ChatTokenizer;
  readonly licence?: string;
  /** Of weights and tokenizer. */
  readonly fingerprint: string;
  /** Writes the weights into a bundle's folder, as small as they came. */
  readonly writeWeights: (folder: string, precision: StoredPrecision) => Promise<StoredWeights>;
  readonly close: () => Promise<void>;
}

/**
 * Opens what `--backbone` names: a .gguf file, a Hugging Face folder (a language model, or a reward model
 * whose head is left), a bundle that holds GGUF blocks (such as the embedded one), or a known name.
 * @param layer how many layers, from the first; default all
 * @throws Error naming what was looked for, or a layer that is not there
 */
export async function openTrainBackbone(
  nameOrPath: string | undefined,
  layer: number | undefined,
): Promise<TrainBackbone> {
  const path = await locateModel(nameOrPath, cacheIfAny());
  const parts = await open(path);
  const totalLayers = parts.config.layers;
  const layers = layer ?? totalLayers;
  if (!(layers >= 1 && layers <= totalLayers)) {
    await parts.source.close();
    throw new Error(`--layer ${layers}: ${path} has ${totalLayers} layers`);
  }
  if (layers !== totalLayers && (await isBundle(path))) {
    await parts.source.close();
    throw new Error(
      `--layer ${layers}: a bundle's weights are not cut again; give the checkpoint or .gguf file that ${path} is made of`,
    );
  }
  const config = { ...parts.config, layers };
  return {
    ...parts,
    path,
    config,
    totalLayers,
    fingerprint: await fingerprint(backboneOnly(parts.source), parts.tokenizer.files()),
    writeWeights: (folder, precision) => parts.write(folder, config, precision),
    close: () => parts.source.close(),
  };
}

interface BackboneParts {
  readonly name: string;
  readonly config: ModelConfig;
  readonly source: TensorSource;
  readonly tokenizer: ChatTokenizer;
  readonly licence?: string;
  readonly write: (
    folder: string,
    config: ModelConfig,
    precision: StoredPrecision,
  ) => Promise<StoredWeights>;
}

async function open(path: string): Promise<BackboneParts> {
  if (await isBundle(path)) return openBundleParts(path);
  if (/\.gguf$/i.test(path)) {
    const gguf = await openGguf(path);
    const tokenizer = ChatTokenizer.create(gguf.tokenizerJson, gguf.tokenizerConfig, path);
    return {
      ...gguf,
      name: modelName(path),
      tokenizer,
      write: (folder, { layers }) => compactWeights(gguf, tokenizer, folder, layers),
    };
  }
  const checkpoint = await openCheckpoint(path);
  return {
    ...checkpoint,
    write: async (folder, config, precision) => {
      await writeBackbone({ ...checkpoint, config }, precision, folder);
      const licences = await copyLicences(path, folder);
      const paths = precision === 'int4';
      const files = [BACKBONE, BACKBONE_DATA, PREFIX, ...(paths ? [PATHS] : []), ...licences];
      const graphVersion = paths ? PATHS_VERSION : GRAPH_VERSION;
      return { weights: 'onnx', precision, graphVersion, files };
    },
  };
}

async function openBundleParts(path: string): Promise<BackboneParts> {
  const manifest = await readManifest(path);
  if (manifest.weights !== 'compact') {
    throw new Error(
      `${path}: a bundle of converted weights, which cannot be trained on; give the checkpoint that it was made of`,
    );
  }
  const source = await openCompact(path, manifest);
  const files = Object.keys(manifest.files).filter(
    (f) => f.startsWith('weights-') || f === CALIBRATION,
  );
  const tokenizer = await ChatTokenizer.fromFolder(path);
  return {
    name: manifest.name,
    config: manifest.config,
    source,
    tokenizer,
    licence: manifest.licence,
    write: async (folder) => {
      for (const name of files) await copyFile(join(path, name), join(folder, name));
      const { config } = manifest;
      if (!files.includes(CALIBRATION)) await calibrate({ source, config, tokenizer }, folder);
      return {
        weights: 'compact',
        precision: manifest.precision,
        files: [...new Set([...files, CALIBRATION])],
      };
    },
  };
}

/** Without heads: whatever a reward model's own head is, the features are the same. */
function backboneOnly(source: TensorSource): TensorSource {
  const names = source.names().filter((name) => name.startsWith('model.'));
  return {
    names: () => names,
    has: (name) => source.has(name),
    info: (name) => source.info(name),
    readFloat32: (name) => source.readFloat32(name),
    close: () => source.close(),
  };
}

export interface TrainedBundle {
  readonly backbone: TrainBackbone;
  readonly heads: QrmHeads;
  readonly precision: StoredPrecision;
  readonly name: string;
  readonly description?: string;
  readonly licence?: string;
  /** Further files by name: the card, figures. */
  readonly texts: Readonly<Record<string, string>>;
}

/** Writes a bundle, as `writeBundle` does. @throws as `writeBundle` */
export const writeTrainedBundle = (
  { backbone, precision, ...bundle }: TrainedBundle,
  folder: string,
): Promise<void> =>
  writeBundle(
    {
      ...bundle,
      config: backbone.config,
      tokenizer: backbone.tokenizer,
      writeWeights: (draft) => backbone.writeWeights(draft, precision),
    },
    folder,
  );
