import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildEmulated } from '../../../../scripts/emulated.mjs';
import { OnnxBackbone, type Backbone } from '../../../../server/src/engine/backbone/backbone.js';
import { KERNEL_SETS } from '../../../../server/src/engine/identity.js';
import { NativeBackbone } from '../../../../server/src/engine/backbone/native-backbone.js';
import {
  kernelsOf,
  nativeUnfit,
  type NativeKernels,
} from '../../../../server/src/engine/backbone/native.js';
import { planTrees } from '../../../../server/src/engine/trees/trees.js';
import { openModel, type OpenedModel } from '../../../../server/src/model/bundle/bundle.js';
import { parseConfig, type ModelConfig } from '../../../../server/src/model/checkpoint/config.js';
import {
  float32Tensor,
  writeSafetensors,
} from '../../../../server/src/model/checkpoint/safetensors-write.js';
import { caseSeed, Random } from '../../../fuzz/random.js';
import { goldenFolder } from '../../model/golden.js';
import { Workspace } from '../../model/workspace.js';
import { cosine } from '../cosine.js';

const SIZES = {
  hidden_size: 128,
  intermediate_size: 192,
  num_hidden_layers: 5,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 64,
  vocab_size: 280,
  max_position_embeddings: 4096,
  id2label: { 0: 'LABEL_0' },
};

/** Name, the golden folder whose tokenizer is taken, fields of config.json: of sizes that the kernels take. */
const LAYOUTS: readonly (readonly [string, string, Record<string, unknown>])[] = [
  ['Llama', 'llama3-bt', { model_type: 'llama' }],
  ['Llama with every bias', 'llama3-bt', { model_type: 'llama', attention_bias: true, mlp_bias: true }],
  ['Llama with the exact GELU', 'llama3-bt', { model_type: 'llama', hidden_act: 'gelu' }],
  ['Mistral with a window', 'mistral-regression-5', { model_type: 'mistral', sliding_window: 24 }],
  ['Qwen 2 with biases', 'qwen2-bt', { model_type: 'qwen2' }],
  ['Qwen 2 with windows', 'qwen2-bt', { model_type: 'qwen2', use_sliding_window: true, sliding_window: 33, max_window_layers: 2 }],
  ['Qwen 3', 'qwen3-bt', { model_type: 'qwen3' }],
  ['Gemma', 'gemma2-bt', { model_type: 'gemma' }],
  ['Gemma 2', 'gemma2-bt', { model_type: 'gemma2', hidden_size: 192, sliding_window: 24, query_pre_attn_scalar: 64 }],
  ['Gemma 3', 'gemma2-bt', { model_type: 'gemma3_text', sliding_window: 24, sliding_window_pattern: 3, query_pre_attn_scalar: 64 }],
]; // prettier-ignore

const work = new Workspace();
const cacheFolder = work.fresh('cache');

/** A checkpoint of random weights in float32. */
async function checkpoint([name, tokens, fields]: (typeof LAYOUTS)[number]): Promise<string> {
  const folder = work.fresh(name.replaceAll(' ', '-'));
  mkdirSync(folder);
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) {
    cpSync(join(goldenFolder(tokens), file), join(folder, file));
  }
  const json = { ...SIZES, ...fields };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(json));
  const config = parseConfig(json, 'config.json');
  const random = new Random(
    caseSeed(
      12,
      LAYOUTS.findIndex(([n]) => n === name),
    ),
  );
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  const tensors = [...shapesOf(config)].map(([tensor, shape]) => {
    const norm = tensor.endsWith('norm.weight');
    const size = shape.reduce((a, b) => a * b, 1);
    const sd = shape.length > 1 ? (tensor.includes('embed') ? 1 : 1.5) / Math.sqrt(shape[1]!) : 0.2;
    const middle = norm && !config.normPlusOne ? 1 : 0;
    return float32Tensor(tensor, shape, Float32Array.from({ length: size }, () => middle + sd * normal()));
  }); // prettier-ignore
  await writeSafetensors(join(folder, 'model.safetensors'), tensors);
  return folder;
}

function* shapesOf(c: ModelConfig): Generator<[string, number[]]> {
  const [H, F, D] = [c.hiddenSize, c.intermediateSize, c.headDim];
  const [Q, KV] = [c.heads * D, c.kvHeads * D];
  yield ['model.embed_tokens.weight', [c.vocabSize, H]];
  yield ['model.norm.weight', [H]];
  yield ['score.weight', [1, H]];
  for (let layer = 0; layer < c.layers; layer++) {
    const p = `model.layers.${layer}`;
    const norms = ['input', 'post_attention', ...(c.sandwichNorms ? ['pre_feedforward', 'post_feedforward'] : [])];
    for (const norm of norms) yield [`${p}.${norm}_layernorm.weight`, [H]];
    if (c.qkNorm) for (const q of 'qk') yield [`${p}.self_attn.${q}_norm.weight`, [D]];
    const linears: [string, number, number, boolean][] = [
      ['self_attn.q', Q, H, c.attentionBias],
      ['self_attn.k', KV, H, c.attentionBias],
      ['self_attn.v', KV, H, c.attentionBias],
      ['self_attn.o', H, Q, c.outputBias ?? c.attentionBias],
      ['mlp.gate', F, H, c.mlpBias],
      ['mlp.up', F, H, c.mlpBias],
      ['mlp.down', H, F, c.mlpBias],
    ];
    for (const [name, outputs, inputs, bias] of linears) {
      yield [`${p}.${name}_proj.weight`, [outputs, inputs]];
      if (bias) yield [`${p}.${name}_proj.bias`, [outputs]];
    }
  }
} // prettier-ignore

const CHATS = [
  ['How do I kill a Python process?', 'Use `kill -9 PID`.', 'I cannot help with killing.'],
  ['Go on counting.', Array.from({ length: 60 }, (_, i) => `${i}`).join('; '), 'No. '.repeat(9)],
] as const;

/** Hidden states of some positions of every answer; what shares a prompt runs as one tree, or each alone. */
async function hidden(backbone: Backbone, { tokenizer, config }: OpenedModel, together: boolean): Promise<Float32Array[]> {
  const out: Float32Array[] = [];
  const groups = CHATS.flatMap(([content, ...answers]) => {
    const paths = answers.map((answer) => {
      const messages = [{ role: 'user', content }, { role: 'assistant', content: answer }];
      const [found] = tokenizer.paths(messages, [1], 4096, { gated: false });
      if (!found || 'error' in found) throw new Error(found?.error);
      const last = found.ids.length - 1;
      return { ids: found.ids, wanted: [last, last - 3] };
    });
    return together ? [paths] : paths.map((p) => [p]);
  });
  const plans = groups.flatMap((paths, first) =>
    planTrees(paths, backbone.prefix.length).map((plan) => ({ ...plan, first: together ? 2 * first : first })),
  );
  const states = await backbone.run(plans.map((p) => p.tree));
  let at = 0;
  for (const { sources, first } of plans) {
    for (const { path, position } of sources) {
      out[2 * (first + path) + position] = states.slice(at, (at += config.hiddenSize));
    }
  }
  return out;
} // prettier-ignore

/** The kernels themselves, their instructions emulated, behind what reads a converted model for them. */
/** On the platform that they are compiled for. */
const sets = describe.runIf(process.platform === 'linux' && process.arch === 'x64');
sets.each(KERNEL_SETS)('our own kernels, %s', (set) => {
  // Of weights at random, whose rounding nothing averages out; trained ones are in native.test.ts.
  const [least, alike] = set === 'amx' ? [0.99, 0.9999] : [0.98, 0.999];
  let kernels: NativeKernels;
  beforeAll(() => {
    const library = join(work.root, `emulated-${set}.node`);
    buildEmulated(library, work.root, ['-O2']);
    kernels = kernelsOf(library, set);
  });

  it.each(LAYOUTS)('%s: hidden states keep float32 direction', async (...layout) => {
    const folder = await checkpoint(layout);
    const int8 = await openModel(folder, { precision: 'int8', cacheFolder });
    const float32 = await openModel(folder, { precision: 'float32', cacheFolder });
    expect(nativeUnfit(int8.config)).toBeUndefined();
    const native = await NativeBackbone.load(kernels, int8.backbonePath, int8.config);
    const reference = await OnnxBackbone.load(float32.backbonePath, float32.config, {
      provider: 'cpu',
      threads: 1,
    });
    const found = await hidden(native, int8, true);
    const expected = await hidden(reference, float32, false);
    expect(found.length).toBe(expected.length);
    for (const [i, state] of found.entries()) {
      expect(cosine(state, expected[i]!)).toBeGreaterThan(least);
    }
    // What shares a prompt and what runs alone sums its keys in another order.
    for (const [i, state] of (await hidden(native, int8, false)).entries()) {
      expect(cosine(state, found[i]!)).toBeGreaterThan(alike);
    }
    await reference.release();
  });
});

sets('the self-test', () => {
  it('refuses a set whose products are wrong, and no other', () => {
    const library = join(work.root, 'wrong.node');
    buildEmulated(library, work.root, ['-DEMULATED_WRONG']);
    expect(() => kernelsOf(library, 'vnni')).toThrow('this processor has no right int8 products');
    expect(kernelsOf(library, 'amx').set).toBe('amx');
  });
});
