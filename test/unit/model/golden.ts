import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One case of a golden checkpoint: what the published float32 model computes. */
export interface GoldenCase {
  readonly messages: { readonly role: string; readonly content: string }[];
  readonly input_ids: number[];
  readonly reward_position: number;
  readonly gating_position: number;
  readonly last_hidden: number[];
  readonly gating_hidden: number[];
  readonly attribute_quantiles: number[][];
  readonly adjusted_attribute_quantiles: number[][];
  readonly gating_weights: number[];
  readonly reward_quantiles: number[];
  readonly score: number;
}

export interface Golden {
  readonly num_objectives: number;
  readonly num_quantiles: number;
  readonly gating_token_pattern: number[];
  readonly quantile_levels: number[];
  readonly cases: GoldenCase[];
}

/** What transformers' `*ForSequenceClassification` computes: no gate, one number a label. */
interface ScoreGolden {
  readonly num_labels: number;
  readonly cases: {
    readonly messages: GoldenCase['messages'];
    readonly input_ids: number[];
    readonly reward_position: number;
    readonly last_hidden: number[];
    readonly labels: number[];
  }[];
}

/** Beside this file, or beside dist/ where it is bundled into a program. */
const root = ['../../fixtures/golden/', '../test/fixtures/golden/']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((path) => existsSync(path))!;
const PACKED = '.safetensors';
const entries = readdirSync(root);
const packed = new Set(
  entries.flatMap((name) => (name.endsWith(PACKED) ? [name.slice(0, -PACKED.length)] : [])),
);
/** Folders, and checkpoints in one file (`packed.py`). */
export const goldenNames = [
  ...entries.filter((name) => existsSync(`${root}${name}/expected.json`)),
  ...packed,
].sort();

/** Where the packed ones are laid out: git ignores it, and it stays. */
const LAID_OUT = join(root, '..', '..', '..', 'out', 'golden/');

/** A checkpoint as a folder of Hugging Face's. */
export function goldenFolder(name: string): string {
  if (!packed.has(name)) return `${root}${name}`;
  const bytes = readFileSync(`${root}${name}${PACKED}`);
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
  const folder = `${LAID_OUT}${name}-${hash}`;
  if (existsSync(folder)) return folder;
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as {
    __metadata__: Record<'like' | 'config.json' | 'expected.json', string>;
  };
  const { like, ...texts } = header.__metadata__;
  mkdirSync(LAID_OUT, { recursive: true });
  const draft = mkdtempSync(join(LAID_OUT, 'draft-'));
  for (const file of ['config.json', 'expected.json'] as const)
    writeFileSync(join(draft, file), texts[file]);
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(`${root}${like}/${file}`, join(draft, file));
  const plain = Buffer.from(JSON.stringify({ ...header, __metadata__: { format: 'pt' } }));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(plain.length));
  const data = Buffer.concat([size, plain, bytes.subarray(start)]);
  writeFileSync(join(draft, 'model.safetensors'), data);
  try {
    renameSync(draft, folder);
  } catch {
    // Another test's process was first.
    rmSync(draft, { recursive: true });
  }
  return folder;
}

/** The reference of a checkpoint; a score head reads as K = 1, equal weights and a gate that sees the same token. */
export function readGolden(name: string): Golden {
  const json = JSON.parse(readFileSync(`${goldenFolder(name)}/expected.json`, 'utf8')) as
    Golden | ScoreGolden;
  if (!('num_labels' in json)) {
    const cases = json.cases.map((c) => ({ ...c, reward_position: c.input_ids.length - 1 }));
    return { ...json, cases };
  }
  return {
    num_objectives: json.num_labels,
    num_quantiles: 1,
    gating_token_pattern: [],
    quantile_levels: [0.5],
    cases: json.cases.map(({ labels, ...c }) => {
      const score = labels.reduce((a, b) => a + b, 0) / labels.length;
      return {
        ...c,
        gating_position: c.reward_position,
        gating_hidden: c.last_hidden,
        attribute_quantiles: labels.map((l) => [l]),
        adjusted_attribute_quantiles: labels.map((l) => [l]),
        gating_weights: labels.map(() => 1 / labels.length),
        reward_quantiles: [score],
        score,
      };
    }),
  };
}
