import { readManifest, isBundle, manifestFingerprint, specOf } from './format/manifest.js';
import { headsOf, openCheckpoint } from './published/checkpoint.js';
import { locateModel } from './locate.js';
import { cacheIfAny } from './model-cache.js';
import type { ModelConfig } from '../checkpoint/config.js';
import { readHeadFiles } from '../heads/heads-files.js';
import type { QrmHeads } from '../heads/heads.js';
import { ChatTokenizer } from '../tokenizer/chat-tokenizer.js';

/** A model without its backbone's weights: what is needed where another program runs that. */
export interface HeadsModel {
  readonly name: string;
  /** Its folder or file. */
  readonly path: string;
  readonly config: ModelConfig;
  readonly tokenizer: ChatTokenizer;
  readonly heads: QrmHeads;
  readonly maxTokens: number;
  /** Of all its parts, the weights too. */
  readonly fingerprint: string;
}

/**
 * Tokenizer, heads and gate of a model; nothing is converted.
 * @throws Error naming file and field or tensor, and what was expected
 */
export async function openHeads(nameOrPath: string | undefined): Promise<HeadsModel> {
  const path = await locateModel(nameOrPath, cacheIfAny());
  if (await isBundle(path)) {
    const manifest = await readManifest(path);
    const { name, config, maxTokens } = manifest;
    const { heads } = await readHeadFiles(path, config.hiddenSize);
    return {
      name,
      path,
      config,
      maxTokens,
      heads: { ...heads, spec: { ...heads.spec, ...specOf(manifest) } },
      tokenizer: await ChatTokenizer.fromFolder(path),
      fingerprint: manifestFingerprint(manifest),
    };
  }
  const checkpoint = await openCheckpoint(path);
  try {
    const { name, config, tokenizer, fingerprint } = checkpoint;
    const heads = headsOf(checkpoint);
    return { name, path, config, tokenizer, heads, fingerprint, maxTokens: config.maxPositions };
  } finally {
    await checkpoint.source.close();
  }
}
