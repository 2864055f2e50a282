import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertFloat32 } from '../model/graph/convert-weights.js';
import type { ModelConfig } from '../model/checkpoint/config.js';
import { buildBackbone } from '../model/graph/backbone.js';
import { FloatWeights } from '../model/graph/weights.js';
import type { TensorSource } from '../model/checkpoint/safetensors.js';
import { OnnxBackbone } from './backbone.js';
import { messageOf } from '../errors.js';
import type { Provider } from './messages.js';

const CONFIG: ModelConfig = {
  architecture: 'llama',
  layers: 2,
  hiddenSize: 64,
  intermediateSize: 128,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  vocabSize: 32,
  maxPositions: 64,
  rmsNormEps: 1e-5,
  activation: 'silu',
  attentionBias: false,
  mlpBias: false,
  rope: { theta: 10000 },
  embeddingScale: 1,
  normPlusOne: false,
  sandwichNorms: false,
  queryScale: 0.25,
};

/**
 * Runs a tiny model of random weights on a provider and on the CPU and compares: a driver may load and
 * yet compute nonsense.
 * @returns why the provider cannot be used, or undefined when it can
 */
export async function probe(provider: Provider): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'qrm-probe-'));
  try {
    const index = await convertFloat32(randomWeights(), CONFIG, join(folder, 'data'), 'data');
    const path = join(folder, 'probe.onnx');
    await writeFile(path, buildBackbone(CONFIG, new FloatWeights(CONFIG, (name) => index[name])));
    const tree = {
      trunk: [1, 5, 9, 2],
      branches: [[3], [4, 6]],
      wanted: [
        { branch: -1, index: 3 },
        { branch: 1, index: 5 },
      ],
    };
    const outputs: Float32Array[] = [];
    for (const p of [provider, 'cpu'] as const) {
      const backbone = await OnnxBackbone.load(path, CONFIG, { provider: p, threads: 1 });
      outputs.push(Float32Array.from(await backbone.run([tree])));
      await backbone.release();
    }
    const [found, expected] = outputs as [Float32Array, Float32Array];
    const worst = expected.reduce((w, v, i) => Math.max(w, Math.abs(v - found[i]!)), 0);
    return worst < 1e-2 ? undefined : `it computes wrong numbers (off by ${worst.toPrecision(2)})`;
  } catch (error) {
    return messageOf(error).split('\n')[0];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function randomWeights(): TensorSource {
  const { hiddenSize: H, intermediateSize: F, heads, kvHeads, headDim, vocabSize } = CONFIG;
  const shapes = new Map<string, number[]>([
    ['model.embed_tokens.weight', [vocabSize, H]],
    ['model.norm.weight', [H]],
  ]);
  for (let layer = 0; layer < CONFIG.layers; layer++) {
    const p = `model.layers.${layer}`;
    shapes.set(`${p}.input_layernorm.weight`, [H]);
    shapes.set(`${p}.post_attention_layernorm.weight`, [H]);
    shapes.set(`${p}.self_attn.q_proj.weight`, [heads * headDim, H]);
    shapes.set(`${p}.self_attn.k_proj.weight`, [kvHeads * headDim, H]);
    shapes.set(`${p}.self_attn.v_proj.weight`, [kvHeads * headDim, H]);
    shapes.set(`${p}.self_attn.o_proj.weight`, [H, heads * headDim]);
    shapes.set(`${p}.mlp.gate_proj.weight`, [F, H]);
    shapes.set(`${p}.mlp.up_proj.weight`, [F, H]);
    shapes.set(`${p}.mlp.down_proj.weight`, [H, F]);
  }
  let state = 12345;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  return {
    names: () => [...shapes.keys()],
    has: (name) => shapes.has(name),
    info: (name) => ({
      dtype: 'F32',
      shape: shapes.get(name)!,
      file: '',
      offset: 0,
      byteLength: 0,
    }),
    readFloat32: (name) =>
      Promise.resolve(
        Float32Array.from({ length: shapes.get(name)!.reduce((a, b) => a * b, 1) }, random),
      ),
    close: () => Promise.resolve(),
  };
}
