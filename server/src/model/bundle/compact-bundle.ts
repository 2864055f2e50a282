import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeManifest } from './bundle-format.js';
import { requireReplaceable, writeParts } from './bundle-parts.js';
import { ChatTokenizer } from '../tokenizer/chat-tokenizer.js';
import { writeCompact, type GgufModel } from './compact.js';
import { writeFolder } from '../files.js';
import type { QrmHeads } from '../heads/heads.js';

export interface CompactBundle {
  readonly gguf: GgufModel;
  /** How many of its layers, from the first; the heads were trained on that many. */
  readonly layers: number;
  readonly heads: QrmHeads;
  /** tokenizer.json, tokenizer_config.json and, where there is one, chat_template.jinja: contents. */
  readonly tokenizerFiles: Readonly<Record<string, string>>;
  /** Further texts of the folder by file name: the model card, licences. */
  readonly texts?: Readonly<Record<string, string>>;
  readonly name: string;
  readonly description?: string;
  /** SPDX identifier. */
  readonly licence?: string;
  /** Longest context in tokens; default: the backbone's. */
  readonly maxTokens?: number;
}

/**
 * Writes a bundle that keeps the GGUF's own blocks, small enough to ship: weights (compact.ts), heads,
 * tokenizer, bundle.json. An older bundle in `folder` is replaced as a whole at the end.
 * @throws Error when the folder holds something else, or when heads and backbone do not fit
 */
export async function writeCompactBundle(bundle: CompactBundle, folder: string): Promise<void> {
  const { gguf, layers, heads, tokenizerFiles, texts = {} } = bundle;
  const config = { ...gguf.config, layers };
  if (layers > gguf.config.layers) {
    throw new RangeError(`${layers} layers: the backbone has ${gguf.config.layers}`);
  }
  if (heads.hiddenSize !== config.hiddenSize) {
    throw new RangeError(`heads for ${heads.hiddenSize}, a backbone of ${config.hiddenSize}`);
  }
  await requireReplaceable(folder);
  const fill = async (draft: string): Promise<void> => {
    const weights = await writeCompact(gguf, draft, { layers });
    const parts = await writeParts(draft, heads, tokenizerFiles);
    for (const [name, text] of Object.entries(texts)) await writeFile(join(draft, name), text);
    const tokenizer = await ChatTokenizer.fromFolder(draft);
    await writeManifest(
      draft,
      {
        name: bundle.name,
        description: bundle.description,
        licence: bundle.licence,
        attributes: heads.spec.attributes,
        levels: heads.spec.levels,
        weights: 'compact',
        precision: gguf.source.info('model.layers.0.mlp.down_proj.weight').dtype,
        gatingPattern: tokenizer.opening,
        maxTokens: bundle.maxTokens ?? config.maxPositions,
        config,
      },
      // Texts may be edited later, so they are not hashed.
      [...weights, ...parts],
    );
  };
  await writeFolder(folder, fill, () => Promise.resolve(true));
}
