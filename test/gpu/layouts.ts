import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseConfig, type ModelConfig } from '../../server/src/model/checkpoint/config.js';
import type { TensorSource } from '../../server/src/model/checkpoint/safetensors.js';
import type { ExternalTensor } from '../../server/src/model/graph/builder.js';
import { convertPaths, EMBEDDING } from '../../server/src/model/graph/paths/convert.js';
import { PATHS, type PathsFile } from '../../server/src/model/graph/paths/file.js';
import { buildPaths } from '../../server/src/model/graph/paths/graph.js';
import type { Variant } from '../../server/src/model/graph/paths/variants.js';
import { required } from '../../server/src/model/graph/weights.js';

/** config.json of Llama 3.1 8B. */
const LLAMA_8B = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  head_dim: 128,
  vocab_size: 128256,
  max_position_embeddings: 131072,
  rms_norm_eps: 1e-5,
  rope_theta: 500000,
  hidden_act: 'silu',
  attention_bias: false,
  mlp_bias: false,
  tie_word_embeddings: false,
};
/** config.json of Gemma 2 27B. */
const GEMMA_27B = {
  architectures: ['Gemma2ForCausalLM'],
  model_type: 'gemma2',
  hidden_size: 4608,
  intermediate_size: 36864,
  num_hidden_layers: 46,
  num_attention_heads: 32,
  num_key_value_heads: 16,
  head_dim: 128,
  vocab_size: 256000,
  max_position_embeddings: 8192,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  hidden_activation: 'gelu_pytorch_tanh',
  query_pre_attn_scalar: 144,
  attn_logit_softcapping: 50,
  final_logit_softcapping: 30,
  sliding_window: 4096,
  attention_bias: false,
  tie_word_embeddings: true,
};
export const LAYOUTS = { 'Llama 8B': LLAMA_8B, 'Gemma 2 27B': GEMMA_27B } as const;
export type LayoutName = keyof typeof LAYOUTS;

/** config.json of a layout with so many layers. */
export const layoutJson = (name: LayoutName, layers?: number): Record<string, unknown> => ({
  ...LAYOUTS[name],
  ...(layers === undefined ? {} : { num_hidden_layers: layers }),
});

export const layoutConfig = (name: LayoutName, layers?: number): ModelConfig =>
  parseConfig(layoutJson(name, layers), name);

/**
 * Writes a backbone of a layout: one layer of random weights, which every layer reads. A provider keeps each layer's
 * copy for itself, so that memory and speed are those of a model of so many layers.
 */
export async function writeLayout(
  config: ModelConfig,
  variant: Variant,
  folder: string,
): Promise<string> {
  const names = { graph: 'backbone.onnx', data: 'backbone.data' };
  const one = { ...config, layers: 1, ...(config.slidingLayers && { slidingLayers: [true] }) };
  const path = join(folder, names.data);
  const index = await convertPaths(randomLayer(one), one, variant, path, names.data);
  const lookup = (name: string): ExternalTensor | undefined =>
    index[name.replace(/^model\.layers\.\d+\./, 'model.layers.0.')];
  const file: PathsFile = { variant, embedding: required(lookup, EMBEDDING) };
  const graph = join(folder, names.graph);
  await writeFile(graph, buildPaths(config, variant, lookup));
  await writeFile(join(folder, PATHS), JSON.stringify(file));
  return graph;
}

/** Random numbers that matrices are cut out of: a prime, so that rows differ. */
const POOL = 4_194_301;

function randomPool(): Float32Array {
  let state = 1;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  // Normal of deviation 1: the power that a product draws depends on what it multiplies.
  return Float32Array.from(
    { length: POOL },
    () => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random()),
  );
}

/** One layer of deviation 1 / sqrt(inputs). */
function randomLayer({
  hiddenSize: H,
  intermediateSize: F,
  heads,
  kvHeads,
  headDim,
  vocabSize,
  sandwichNorms,
  normPlusOne,
}: ModelConfig): TensorSource {
  const [Q, KV] = [heads * headDim, kvHeads * headDim];
  const p = 'model.layers.0';
  const norms = ['input', 'post_attention'];
  if (sandwichNorms) norms.push('pre_feedforward', 'post_feedforward');
  const shapes = new Map<string, number[]>([
    [EMBEDDING, [vocabSize, H]],
    ['model.norm.weight', [H]],
    ...norms.map((n): [string, number[]] => [`${p}.${n}_layernorm.weight`, [H]]),
    [`${p}.self_attn.q_proj.weight`, [Q, H]],
    [`${p}.self_attn.k_proj.weight`, [KV, H]],
    [`${p}.self_attn.v_proj.weight`, [KV, H]],
    [`${p}.self_attn.o_proj.weight`, [H, Q]],
    [`${p}.mlp.gate_proj.weight`, [F, H]],
    [`${p}.mlp.up_proj.weight`, [F, H]],
    [`${p}.mlp.down_proj.weight`, [H, F]],
  ]);
  const pool = randomPool();
  const readRows = (name: string, from: number, to: number): Promise<Float32Array> => {
    const columns = shapes.get(name)![1]!;
    const out = new Float32Array((to - from) * columns);
    let at = (from * columns + 7919 * name.length) % POOL;
    for (let done = 0; done < out.length; at = 0) {
      const some = pool.subarray(at, at + out.length - done);
      out.set(some, done);
      done += some.length;
    }
    const scale = name === EMBEDDING ? 1 : 1 / Math.sqrt(columns);
    for (let i = 0; i < out.length; i++) out[i]! *= scale;
    return Promise.resolve(out);
  };
  return {
    names: () => [...shapes.keys()],
    has: (name) => shapes.has(name),
    info: (name) => ({
      dtype: name === EMBEDDING ? 'BF16' : 'F32',
      shape: shapes.get(name)!,
      file: '',
      offset: 0,
      byteLength: 0,
    }),
    readRows,
    readFloat32: (name) =>
      shapes.get(name)!.length === 1
        ? Promise.resolve(new Float32Array(H).fill(normPlusOne ? 0 : 1))
        : readRows(name, 0, shapes.get(name)![0]!),
    close: () => Promise.resolve(),
  };
}
