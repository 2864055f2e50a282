import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ChatTokenizer } from '../../tokenizer/chat-tokenizer.js';
import { parseConfig, settingsOf, type ModelConfig } from '../../checkpoint/config.js';
import { withUsualNames } from '../../checkpoint/usual-names.js';
import { exists, modelName, parseJson, readText } from '../../files.js';
import { fingerprint } from '../../checkpoint/fingerprint.js';
import { openGguf } from '../../checkpoint/gguf/gguf.js';
import { hasHeadFiles, HEADS_JSON, HEADS_TENSORS, readHeadFiles } from '../../heads/heads-files.js';
import { positionsOf, type QrmHeads } from '../../heads/heads.js';
import { headReader, otherTensors } from '../../heads/score-heads.js';
import type { TensorSource } from '../../checkpoint/safetensors.js';
import { mergedWithAdapter } from '../../checkpoint/lora.js';
import { isAdapter, openAdapter } from './adapter.js';
import { openWeights } from './folder-weights.js';

/** A model as others publish it: a Hugging Face folder or a GGUF file. */
export interface Checkpoint {
  readonly name: string;
  /** The folder or the file. */
  readonly path: string;
  readonly config: ModelConfig;
  readonly source: TensorSource;
  readonly tokenizer: ChatTokenizer;
  /** Undefined for a language model without a reward head. */
  readonly heads?: QrmHeads;
  /** As the model card names it, such as `apache-2.0`. */
  readonly licence?: string;
  /** Identity of everything above: see fingerprint.ts. */
  readonly fingerprint: string;
}

/**
 * Opens a checkpoint. Heads come from its own tensors, else from `heads.json` and `heads.safetensors`
 * in the folder `heads` or beside the weights. The caller closes `source`.
 * @param path a Hugging Face folder (config.json, safetensors, tokenizer files) or a .gguf file
 * @throws Error naming file and field or tensor, and what is supported
 */
export async function openCheckpoint(
  path: string,
  options: { heads?: string } = {},
): Promise<Checkpoint> {
  const isFile = (await stat(path)).isFile();
  const parts = isFile
    ? await openFile(path)
    : await ((await isAdapter(path)) ? openMerged(path) : openFolder(path));
  try {
    const { config, source, tokenizer, json } = parts;
    const folder = options.heads ?? (isFile ? dirname(path) : path);
    const read = headReader(source);
    let heads: QrmHeads | undefined;
    let identity: Record<string, string> = {};
    if (options.heads !== undefined || (!read && (await hasHeadFiles(folder)))) {
      ({ heads, identity } = await readHeadFiles(folder, config.hiddenSize));
    } else if (json && read) {
      heads = await read(
        source,
        json,
        config.hiddenSize,
        isFile ? path : join(path, 'config.json'),
      );
    }
    // Without a gate nothing asks how the template opens a turn.
    if (heads === undefined || positionsOf(heads).gated) void tokenizer.gatingPattern;
    const texts = {
      config: JSON.stringify(parts.raw ?? config),
      ...tokenizer.files(),
      ...parts.identity,
      ...identity,
    };
    return {
      name: parts.name,
      path,
      config,
      source,
      tokenizer,
      heads,
      licence: parts.licence,
      fingerprint: await fingerprint(source, texts),
    };
  } catch (error) {
    await parts.source.close();
    throw error;
  }
}

/** The heads of a checkpoint. @throws Error saying what a model without heads lacks */
export function headsOf(checkpoint: Checkpoint): QrmHeads {
  if (checkpoint.heads) return checkpoint.heads;
  const others = otherTensors(checkpoint.source);
  const other = others.find((name) => /head|value|reward|score/i.test(name)) ?? others[0];
  const where = other === undefined ? checkpoint.path : checkpoint.source.info(other).file;
  throw new Error(
    `${where}: no reward head: neither "score.weight" (transformers' ForSequenceClassification) nor ` +
      `"regression_layer.weight" (QRM, ArmoRM) nor "regression_layer.network.*" (LDL-Reward)` +
      (other === undefined
        ? ''
        : `, and "${other}" is not read here: nothing says what it gives. A linear head of the last token can be ` +
          `saved again as "score.weight" [labels, hidden]`) +
      `. Put ${HEADS_JSON} and ${HEADS_TENSORS} beside it, laid out as in a bundle`,
  );
}

interface Parts {
  readonly name: string;
  readonly config: ModelConfig;
  readonly source: TensorSource;
  readonly tokenizer: ChatTokenizer;
  readonly licence?: string;
  /** config.json, for its fields of the heads. */
  readonly json?: Readonly<Record<string, unknown>>;
  /** The same as it stands in the file, for the fingerprint. */
  readonly raw?: Readonly<Record<string, unknown>>;
  /** What else identifies it. */
  readonly identity?: Readonly<Record<string, string>>;
}

/** @param adapter a folder whose config.json and tokenizer come before those of `folder` */
async function openFolder(folder: string, adapter = folder): Promise<Parts> {
  const own = async (name: string): Promise<string> =>
    (await exists(join(adapter, name))) ? adapter : folder;
  const file = join(await own('config.json'), 'config.json');
  if (!(await exists(file))) {
    const gguf = (await readdir(folder)).filter((n) => /\.gguf$/i.test(n));
    const only = gguf.length === 1 ? gguf[0] : undefined;
    if (only !== undefined) return openFile(join(folder, only));
    throw new Error(
      `${folder}: no model: expected bundle.json (a bundle), config.json (a Hugging Face folder) ` +
        `or one .gguf file, found ${gguf.length} of these`,
    );
  }
  const json = parseJson(await readText(file), file);
  const config = parseConfig(json, file);
  const tokenizer = await ChatTokenizer.fromFolder(await own('tokenizer.json'));
  const source = withUsualNames(await openWeights(folder));
  return {
    name: modelName(folder),
    config,
    source,
    tokenizer,
    json: settingsOf(json),
    raw: json,
    licence: await licenceOf(folder),
  };
}

/** A LoRA adapter merged with its base. The tokenizer, with its template, is the adapter's where it has one. */
async function openMerged(folder: string): Promise<Parts> {
  const { config, file, weights, base, identity } = await openAdapter(folder);
  let opened: Parts | undefined;
  try {
    opened = await openFolder(base, folder);
    const source = mergedWithAdapter(opened.source, weights, config, file);
    return { ...opened, name: modelName(folder), source, identity };
  } catch (error) {
    await weights.close();
    await opened?.source.close();
    throw error;
  }
}

async function openFile(path: string): Promise<Parts> {
  if (!/\.gguf$/i.test(path)) {
    throw new Error(`${path}: expected a folder or a .gguf file`);
  }
  const { tokenizerJson, tokenizerConfig, ...gguf } = await openGguf(path);
  const tokenizer = ChatTokenizer.create(tokenizerJson, tokenizerConfig, path);
  return { ...gguf, tokenizer };
}

/** `license:` of the model card's front matter. */
async function licenceOf(folder: string): Promise<string | undefined> {
  const card = join(folder, 'README.md');
  if (!(await exists(card))) return undefined;
  const front = /^---\r?\n([\s\S]*?)\r?\n---/.exec(await readText(card))?.[1] ?? '';
  return /^license:[ \t]*["']?([^\s"']+)/m.exec(front)?.[1];
}
