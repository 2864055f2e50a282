import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelConfig } from '../../checkpoint/config.js';
import { writeFolder } from '../../files.js';
import type { QrmHeads } from '../../heads/heads.js';
import { calibrate } from '../../int8/convert-int8.js';
import { CALIBRATION } from '../../int8/layer-calibration.js';
import type { ChatTokenizer } from '../../tokenizer/chat-tokenizer.js';
import { writeManifest } from './manifest.js';
import { requireReplaceable, writeParts } from './parts.js';
import { writeCompact, type GgufModel } from './compact.js';

/** Weights as they were written into a bundle's folder. */
export interface StoredWeights {
  readonly weights: 'compact' | 'onnx';
  readonly precision: string;
  readonly graphVersion?: number;
  readonly files: readonly string[];
}

export interface NewBundle {
  /** Of the backbone, cut to the layers that the heads were trained on. */
  readonly config: ModelConfig;
  readonly heads: QrmHeads;
  readonly tokenizer: ChatTokenizer;
  /** Writes the backbone's weights into a folder. */
  readonly writeWeights: (folder: string) => Promise<StoredWeights>;
  /** Further texts of the folder by file name: the model card, licences. */
  readonly texts?: Readonly<Record<string, string>>;
  readonly name: string;
  readonly description?: string;
  /** SPDX identifier. */
  readonly licence?: string;
}

/**
 * Writes a bundle: weights, heads, tokenizer, bundle.json. An older bundle in `folder` is replaced as a whole
 * at the end.
 * @throws Error when the folder holds something else, or when heads and backbone do not fit
 */
export async function writeBundle(bundle: NewBundle, folder: string): Promise<void> {
  const { config, heads, tokenizer, texts = {} } = bundle;
  if (heads.hiddenSize !== config.hiddenSize) {
    throw new RangeError(`heads for ${heads.hiddenSize}, a backbone of ${config.hiddenSize}`);
  }
  await requireReplaceable(folder);
  const fill = async (draft: string): Promise<void> => {
    const { files, ...weights } = await bundle.writeWeights(draft);
    const parts = await writeParts(draft, heads, tokenizer.files());
    for (const [name, text] of Object.entries(texts)) await writeFile(join(draft, name), text);
    await writeManifest(
      draft,
      {
        name: bundle.name,
        description: bundle.description,
        licence: bundle.licence,
        attributes: heads.spec.attributes,
        levels: heads.spec.levels,
        ...weights,
        gatingPattern: tokenizer.gatingPattern,
        maxTokens: config.maxPositions,
        config,
      },
      // Texts may be edited later, so they are not hashed.
      [...files, ...parts],
    );
  };
  await writeFolder(folder, fill, () => Promise.resolve(true));
}

/**
 * A GGUF's first layers with their own blocks, small enough to ship (compact.ts), and what int8 needs to know of their
 * activations, so that they are expanded in a moment.
 * @throws RangeError when it has fewer layers
 */
export async function compactWeights(
  gguf: GgufModel,
  tokenizer: ChatTokenizer,
  folder: string,
  layers: number,
): Promise<StoredWeights> {
  if (layers > gguf.config.layers) {
    throw new RangeError(`${layers} layers: the backbone has ${gguf.config.layers}`);
  }
  const { source } = gguf;
  const files = await writeCompact(gguf, folder, { layers });
  await calibrate({ source, tokenizer, config: { ...gguf.config, layers } }, folder);
  return {
    weights: 'compact',
    precision: source.info('model.layers.0.mlp.down_proj.weight').dtype,
    files: [...files, CALIBRATION],
  };
}
