import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openGguf } from '../../../../../server/src/model/checkpoint/gguf/gguf.js';
import { convertedFolder } from './golden.js';
import { writeGguf, type MetadataItem, type TensorItem } from './writer.js';
import { goldenFolder } from '../../golden.js';
import { Workspace } from '../../workspace.js';

const converted = (golden: string): ReturnType<typeof convertedFolder> =>
  convertedFolder(goldenFolder(golden));
const workspace = new Workspace();
const LLAMA = 'llama3-qrm-k5-m3';

describe('files that cannot be read', () => {
  type Parts = { metadata: MetadataItem[]; tensors: TensorItem[] };
  const failure = async (change: (parts: Parts) => void, cut?: number): Promise<string> => {
    const parts = await converted(LLAMA);
    change(parts);
    const path = `${workspace.fresh()}.gguf`;
    writeGguf(path, parts.metadata, parts.tensors, { cut });
    const error = await openGguf(path).then(
      () => new Error('it was opened'),
      (e: unknown) => e as Error,
    );
    expect(error.message).toContain(dirname(path));
    return error.message;
  };
  const replace = (parts: Parts, item: MetadataItem): void => {
    parts.metadata = [...parts.metadata.filter(([key]) => key !== item[0]), item];
  };
  const put = (parts: Parts, item: TensorItem): void => {
    parts.tensors = [...parts.tensors.filter(({ name }) => name !== item.name), item];
  };
  const tensor = (name: string, type: TensorItem['type'], shape: number[]): TensorItem => ({
    name,
    type,
    shape,
    bytes: new Uint8Array(512),
  });

  it.each<[string, (p: Parts) => void, string]>([
    [
      'a tensor type',
      (p) => put(p, tensor('blk.0.attn_q.weight', 'Q2_K', [1, 256])),
      'tensor "blk.0.attn_q.weight" has type Q2_K; supported: F32, F16, BF16, Q4_0, Q4_1, Q8_0, Q4_K, Q6_K',
    ],
    [
      'a tensor name',
      (p) => p.tensors.push(tensor('blk.0.ssm_in.weight', 'F32', [2, 2])),
      'tensor "blk.0.ssm_in.weight" is no part of a llama model',
    ],
    [
      'rows of broken blocks',
      (p) => put(p, tensor('blk.0.attn_v.weight', 'Q4_0', [2, 33])),
      'has rows of 33 values',
    ],
    ['no embedding', (p) => void p.tensors.shift(), 'no tensor "token_embd.weight"'],
    [
      'an architecture',
      (p) => replace(p, ['general.architecture', 'STRING', 'phi3']),
      'architecture "phi3"; supported: llama, qwen2, qwen3, gemma, gemma2, gemma3',
    ],
    [
      'a missing key',
      (p) => (p.metadata = p.metadata.filter(([key]) => key !== 'llama.block_count')),
      '"llama.block_count" is missing; expected a number',
    ],
    [
      'a key of another type',
      (p) => replace(p, ['llama.block_count', 'STRING', 'three']),
      '"llama.block_count" is something else; expected a number',
    ],
    [
      'experts',
      (p) => replace(p, ['llama.expert_count', 'UINT32', 8]),
      'a mixture of experts; supported: dense models',
    ],
    [
      'a SentencePiece tokenizer',
      (p) => replace(p, ['tokenizer.ggml.model', 'STRING', 'llama']),
      'tokenizer "llama" cannot be rebuilt from the file',
    ],
    [
      'a pre-tokenizer',
      (p) => replace(p, ['tokenizer.ggml.pre', 'STRING', 'constructor']),
      'pre-tokenizer "constructor" cannot be rebuilt',
    ],
    [
      'broken merges',
      (p) => replace(p, ['tokenizer.ggml.merges', 'STRING[]', ['t h', 'q z']]),
      '"tokenizer.ggml.merges"[1] is "q z"',
    ],
  ])('names %s', async (_, change, message) => {
    expect(await failure(change)).toContain(message);
  });

  it('tells a file that was cut off, in its tensors or in its header', async () => {
    expect(await failure(() => undefined, 100)).toMatch(/beyond the file's end/);
    expect(await failure((p) => (p.tensors = p.tensors.slice(0, 1)), 279 * 64 * 4 + 40)).toMatch(
      /no readable GGUF file/,
    );
  });

  it('tells a file of another kind', async () => {
    const path = `${workspace.fresh()}.gguf`;
    writeFileSync(path, 'PK\u0003\u0004 not a model');
    await expect(openGguf(path)).rejects.toThrow(`${path}: no readable GGUF file`);
  });
});
