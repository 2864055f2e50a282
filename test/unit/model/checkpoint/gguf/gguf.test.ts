import { copyFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ChatTokenizer } from '../../../../../server/src/model/tokenizer/chat-tokenizer.js';
import {
  parseConfig,
  type ModelConfig,
} from '../../../../../server/src/model/checkpoint/config.js';
import { dequantize, openGguf } from '../../../../../server/src/model/checkpoint/gguf/gguf.js';
import { SUPPORTED_TYPES } from '../../../../../server/src/model/checkpoint/gguf/blocks.js';
import { inverseFrequencies } from '../../../../../server/src/model/checkpoint/rotary.js';
import { bytesOf, convertedFolder, permute, read } from './golden.js';
import { writeGguf, type MetadataItem, type TensorItem } from './writer.js';
import { goldenFolder, readGolden } from '../../golden.js';
import { Workspace } from '../../workspace.js';

/** Made by the Python package `gguf`: see make_reference.py beside it. */
const REFERENCE = read(
  resolve(import.meta.dirname, '../../../../fixtures/gguf/reference.json'),
) as unknown as Record<string, { count: number; bytes: string; float32: string }>;

describe('dequantize', () => {
  it('has a reference for every supported type', () => {
    expect(Object.keys(REFERENCE).sort()).toEqual([...SUPPORTED_TYPES].sort());
  });

  it.each(Object.entries(REFERENCE))('%s equals ggml bit for bit', (type, reference) => {
    const bytes = Buffer.from(reference.bytes, 'base64');
    const expected = Buffer.from(reference.float32, 'base64');
    expect(Buffer.from(bytesOf(dequantize(type, bytes, reference.count)))).toEqual(expected);
    // Bytes that start anywhere in their buffer.
    const shifted = Buffer.concat([Buffer.from([7]), bytes]).subarray(1);
    expect(Buffer.from(bytesOf(dequantize(type, shifted, reference.count)))).toEqual(expected);
  });

  it('refuses unknown types, parts of blocks and too few bytes', () => {
    expect(() => dequantize('IQ2_XS', new Uint8Array(9), 1)).toThrow(
      'tensor type IQ2_XS; supported: F32, F16, BF16, Q4_0, Q4_1, Q8_0, Q4_K, Q6_K',
    );
    expect(() => dequantize('Q4_0', new Uint8Array(99), 33)).toThrow(
      '33 values are no whole blocks',
    );
    expect(() => dequantize('Q8_0', new Uint8Array(33), 32)).toThrow('take 34 bytes, found 33');
    expect(() => dequantize('toString', new Uint8Array(9), 1)).toThrow('supported');
  });
});

const converted = (golden: string): ReturnType<typeof convertedFolder> =>
  convertedFolder(goldenFolder(golden));
const workspace = new Workspace();
const LLAMA = 'llama3-qrm-k5-m3';

describe('openGguf', () => {
  it.each(['llama3-qrm-k5-m3', 'gemma2-qrm'])(
    '%s: the checkpoint that was converted',
    async (name) => {
      const golden = await converted(name);
      const extra: MetadataItem[] =
        golden.config.architecture === 'gemma2'
          ? [
              ['gemma2.attention.sliding_window', 'UINT32', golden.config.slidingWindow!],
              ['gemma2.attn_logit_softcapping', 'FLOAT32', golden.config.attnSoftcap!],
            ]
          : [];
      const path = `${workspace.fresh()}.gguf`;
      writeGguf(path, [...golden.metadata, ...extra], golden.tensors);
      const gguf = await openGguf(path);
      // The file has no query_pre_attn_scalar: like llama.cpp, the head's size.
      const json = { ...golden.json, query_pre_attn_scalar: golden.config.headDim };
      expect(gguf.config).toEqual(parseConfig(json, name));
      expect([gguf.name, gguf.licence]).toEqual(['Tiny', 'mit']);
      expect(gguf.source.names().sort()).toEqual(golden.names.sort());
      for (const tensor of golden.names) {
        const { shape, values: expected } = golden.original.get(tensor)!;
        expect(gguf.source.info(tensor).shape).toEqual(shape);
        const values = await gguf.source.readFloat32(tensor);
        if (golden.config.architecture === 'gemma2' && tensor.endsWith('norm.weight')) {
          // Adding 1 in float32 rounds small weights; what the model uses is weight + 1.
          expect(values.map((v) => v + 1)).toEqual(expected.map((v) => v + 1));
        } else {
          expect(Buffer.from(bytesOf(values))).toEqual(Buffer.from(bytesOf(expected)));
        }
      }
      await gguf.source.close();
    },
  );

  it.each(['llama3-qrm-k5-m3', 'gemma2-qrm'])(
    '%s: the tokenizer gives the golden ids',
    async (name) => {
      const { metadata, tensors } = await converted(name);
      const path = `${workspace.fresh()}.gguf`;
      writeGguf(path, [...metadata, ['gemma2.attention.sliding_window', 'UINT32', 32]], tensors);
      const { source, tokenizerJson, tokenizerConfig } = await openGguf(path);
      await source.close();
      const tokenizer = ChatTokenizer.create(tokenizerJson, tokenizerConfig, path);
      const golden = readGolden(name);
      expect(tokenizer.gatingPattern).toEqual(golden.gating_token_pattern);
      for (const c of golden.cases) {
        expect(tokenizer.paths(c.messages, [c.messages.length - 1], 4096)).toMatchObject([
          { ids: c.input_ids, gate: c.gating_position },
        ]);
      }
    },
  );

  it('gives quantised rows in the order of their values, whole and in pieces', async () => {
    const { metadata, tensors } = await converted(LLAMA);
    // 512 values: 16 rows of 32, which are 8 heads of 2 for the queries of a toy.
    const reference = REFERENCE['Q4_1']!;
    const blocks = Buffer.from(reference.bytes, 'base64').subarray(0, 16 * 20);
    const values = new Float32Array(
      Uint8Array.from(Buffer.from(reference.float32, 'base64')).buffer,
    ).slice(0, 512);
    const toy = metadata.map((m): MetadataItem => {
      if (m[0] === 'llama.attention.head_count') return [m[0], 'UINT32', 4];
      if (m[0] === 'llama.attention.key_length') return [m[0], 'UINT32', 4];
      return m;
    });
    const path = `${workspace.fresh()}.gguf`;
    writeGguf(path, toy, [
      tensors.find((t) => t.name === 'token_embd.weight')!,
      { name: 'blk.0.attn_q.weight', type: 'Q4_1', shape: [16, 32], bytes: blocks },
      { name: 'blk.0.attn_v.weight', type: 'Q4_1', shape: [16, 32], bytes: blocks },
    ]);
    const { source } = await openGguf(path);
    const query = 'model.layers.0.self_attn.q_proj.weight';
    const ordered = await source.readFloat32(query);
    expect(permute(ordered, 16, 4)).toEqual(values);
    expect(dequantize('Q4_1', await source.readRaw(query), 512)).toEqual(ordered);
    expect(source.info(query)).toMatchObject({ dtype: 'Q4_1', shape: [16, 32], byteLength: 320 });
    const value = 'model.layers.0.self_attn.v_proj.weight';
    expect(await source.readFloat32(value)).toEqual(values);
    expect(Buffer.from(await source.readRaw(value))).toEqual(blocks);
    await source.close();
  });

  it('marks plain floats whose bytes are not their values in order', async () => {
    const { metadata, tensors } = await converted(LLAMA);
    const path = `${workspace.fresh()}.gguf`;
    writeGguf(path, metadata, tensors);
    const { source } = await openGguf(path);
    const type = (part: string): string => source.info(`model.layers.0.${part}.weight`).dtype;
    expect([type('self_attn.q_proj'), type('self_attn.k_proj')]).toEqual(['F32*', 'F32*']);
    expect([type('self_attn.v_proj'), type('input_layernorm')]).toEqual(['F32', 'F32']);
    await source.close();
  });

  it('reads all shards of a split model', async () => {
    const { metadata, tensors, names } = await converted(LLAMA);
    const base = workspace.fresh('split');
    const half = Math.floor(tensors.length / 2);
    writeGguf(`${base}-00001-of-00002.gguf`, metadata, tensors.slice(0, half));
    const open = () => openGguf(`${base}-00001-of-00002.gguf`);
    await expect(open()).rejects.toThrow('-00002-of-00002.gguf is missing');
    writeGguf(`${base}-00002-of-00002.gguf`, [], tensors.slice(half), { alignment: 64 });
    const { source } = await open();
    expect(source.names().sort()).toEqual(names.sort());
    const last = source.names().at(-1)!;
    expect((await source.readFloat32(last)).length).toBeGreaterThan(0);
    await source.close();
  });
});

describe('rotary embedding', () => {
  const open = async (items: MetadataItem[], more: TensorItem[] = []): Promise<ModelConfig> => {
    const { metadata, tensors } = await converted(LLAMA);
    const path = `${workspace.fresh()}.gguf`;
    writeGguf(path, [...metadata, ...items], [...tensors, ...more]);
    const { config, source } = await openGguf(path);
    await source.close();
    return config;
  };
  const freqs = (values: number[]): TensorItem => ({
    name: 'rope_freqs.weight',
    type: 'F32',
    shape: [values.length],
    bytes: bytesOf(Float32Array.from(values)),
  });

  it.each([8, 32])("finds Llama 3.1's scaling by %d in the stored factors", async (factor) => {
    const rope = {
      theta: 500000,
      scaling: {
        type: 'llama3',
        factor,
        lowFreqFactor: 1,
        highFreqFactor: 4,
        originalMaxPosition: 8192,
      },
    } as const;
    const scaled = inverseFrequencies({ headDim: 8, rope });
    const plain = inverseFrequencies({ headDim: 8, rope: { theta: 500000 } });
    const config = await open([], [freqs([...plain].map((f, i) => f / scaled[i]!))]);
    expect(config.rope).toEqual(rope);
  });

  it('refuses factors of another rule', async () => {
    await expect(open([], [freqs([1, 2, 3, 4])])).rejects.toThrow(
      'tensor "rope_freqs.weight" does not follow Llama 3.1\'s rule',
    );
  });

  it('reads linear scaling and refuses others', async () => {
    const type = (value: string): MetadataItem => ['llama.rope.scaling.type', 'STRING', value];
    const factor: MetadataItem = ['llama.rope.scaling.factor', 'FLOAT32', 2.5];
    expect((await open([type('linear'), factor])).rope).toEqual({
      theta: 500000,
      scaling: { type: 'linear', factor: 2.5 },
    });
    expect((await open([['llama.rope.scale_linear', 'FLOAT32', 4]])).rope.scaling).toEqual({
      type: 'linear',
      factor: 4,
    });
    await expect(open([type('longrope'), factor])).rejects.toThrow(
      'rope scaling "longrope"; supported: none, linear, llama3, yarn',
    );
  });
});

it('takes tokenizer.json beside the file before the metadata', async () => {
  const { metadata, tensors } = await converted(LLAMA);
  const folder = workspace.copyOf(LLAMA);
  const path = join(folder, 'model.gguf');
  const spm: MetadataItem = ['tokenizer.ggml.model', 'STRING', 'llama'];
  writeGguf(path, [...metadata.filter(([key]) => key !== spm[0]), spm], tensors);
  copyFileSync(
    join(goldenFolder(LLAMA), 'tokenizer_config.json'),
    join(folder, 'tokenizer_config.json'),
  );
  const { source, tokenizerJson, tokenizerConfig } = await openGguf(path);
  await source.close();
  expect(tokenizerJson).toEqual(read(join(folder, 'tokenizer.json')));
  expect(tokenizerConfig).toMatchObject(read(join(folder, 'tokenizer_config.json')));
  writeFileSync(join(folder, 'tokenizer.json'), '{');
  await expect(openGguf(path)).rejects.toThrow(`${join(folder, 'tokenizer.json')}: expected JSON`);
});
