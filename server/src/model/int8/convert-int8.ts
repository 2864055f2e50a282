import {
  calibrationTokens,
  extraParts,
  LayerObserver,
  type LayerObservation,
} from './calibration.js';
import type { ChatTokenizer } from '../tokenizer/chat-tokenizer.js';
import type { ModelConfig } from '../checkpoint/config.js';
import type { ConvertOptions } from '../graph/convert-weights.js';
import { STATIC } from '../graph/int8-weights.js';
import { Rotation, transpose } from './hadamard.js';
import { quantizeColumns, quantizeRows, type Quantized } from './quantize.js';
import type { TensorSource } from '../checkpoint/safetensors.js';
import { TensorFileWriter, type TensorIndex } from '../graph/tensor-file.js';

/**
 * Whether int8 is what to take where the user leaves it open. Norms after attention and MLP stand between
 * the rotation and the weights: int8 works there, but gains less and was not measured on large models.
 */
export function prefersInt8(config: ModelConfig): boolean {
  return !config.sandwichNorms;
}

/** Share of the calibration tokens whose attention output is not clipped. */
const CONTEXT_COVERAGE = 0.99;

export interface Int8Result {
  readonly index: TensorIndex;
  /** Token ids whose keys and values are stored: see graph/backbone.ts. */
  readonly prefix: readonly number[];
}

/**
 * Converts a decoder to int8 weights and activations such that hidden states keep a cosine of about 0.999:
 *  - the residual stream and each value head are rotated, which spreads outlier channels (QuaRot,
 *    Ashkboos et al. 2024, section 3), and the norms' weights are folded into the linears after them;
 *  - scales move between the up projection's outputs and the down projection's inputs (SmoothQuant,
 *    Xiao et al. 2023, equation 4, alpha = 1/2);
 *  - the error that rounding the weights makes on the mean activation is taken back by a bias;
 *  - the template's constant beginning, where the massive activations live (Sun et al. 2024), is never
 *    run in int8: its keys and values are computed here in float32 and stored.
 */
export async function convertInt8(
  source: TensorSource,
  config: ModelConfig,
  tokenizer: ChatTokenizer,
  path: string,
  file: string,
  options: ConvertOptions = {},
): Promise<Int8Result> {
  const { hiddenSize: H, layers } = config;
  const tokens = calibrationTokens(tokenizer);
  const writer = await TensorFileWriter.create(path, file);
  const rotations = { residual: new Rotation(H), value: new Rotation(config.headDim) };
  /** Gemma's norms with the 1 that they are stored without. */
  const norm = async (name: string): Promise<Float32Array> => {
    const weight = await source.readFloat32(`${name}.weight`);
    if (config.normPlusOne) for (let i = 0; i < weight.length; i++) weight[i]! += 1;
    return weight;
  };
  let observer: LayerObserver | undefined;
  try {
    const embedding = await source.readFloat32('model.embed_tokens.weight');
    observer = await LayerObserver.create(config, tokens, (ids) => {
      const rows = new Float32Array(ids.length * H);
      ids.forEach((id, i) => rows.set(embedding.subarray(id * H, (id + 1) * H), i * H));
      const { embeddingScale: scale } = config;
      if (scale !== 1) for (let i = 0; i < rows.length; i++) rows[i]! *= scale;
      return rows;
    });
    rotations.residual.applyToRows(embedding);
    await writer.add('model.embed_tokens.weight', 'float32', [embedding.length / H, H], embedding);
    for (let layer = 0; layer < layers; layer++) {
      options.signal?.throwIfAborted();
      const p = `model.layers.${layer}`;
      const read = (name: string): Promise<Float32Array> =>
        source.readFloat32(`${p}.${name}.weight`);
      const weights = {
        q: await read('self_attn.q_proj'),
        k: await read('self_attn.k_proj'),
        v: await read('self_attn.v_proj'),
        o: await read('self_attn.o_proj'),
        gate: await read('mlp.gate_proj'),
        up: await read('mlp.up_proj'),
        down: await read('mlp.down_proj'),
        attentionNorm: await norm(`${p}.input_layernorm`),
        mlpNorm: await norm(
          `${p}.${config.sandwichNorms ? 'pre_feedforward_layernorm' : 'post_attention_layernorm'}`,
        ),
        extra: await extraWeights(source, config, p, norm),
      };
      const seen = await observer.observe(weights);
      await addLayer(writer, config, rotations, p, weights, seen);
      options.onProgress?.((layer + 1) / layers);
    }
    const inverse = transpose(rotations.residual.matrix(), H, H);
    await writer.add('rotation.inverse', 'float32', [H, H], inverse);
    await writer.add('model.norm.weight', 'float32', [H], await norm('model.norm'));
    if (config.sandwichNorms) {
      await writer.add('rotation.matrix', 'float32', [H, H], rotations.residual.matrix());
    }
  } finally {
    await observer?.release();
    await writer.close();
  }
  return { index: writer.index, prefix: tokens.prefix };
}

type Weights = Parameters<LayerObserver['observe']>[0];

/** Biases, and norms besides the two that every layer has. */
async function extraWeights(
  source: TensorSource,
  config: ModelConfig,
  p: string,
  norm: (name: string) => Promise<Float32Array>,
): Promise<Record<string, Float32Array>> {
  const out: Record<string, Float32Array> = {};
  for (const part of extraParts(config)) {
    out[part] = part.endsWith('bias')
      ? await source.readFloat32(`${p}.${part}`)
      : await norm(`${p}.${part.replace(/\.weight$/, '')}`);
  }
  return out;
}

/** Rotates, smooths and quantises one layer; overwrites the weights it is given. */
async function addLayer(
  writer: TensorFileWriter,
  config: ModelConfig,
  { residual, value }: { residual: Rotation; value: Rotation },
  p: string,
  w: Weights,
  seen: LayerObservation,
): Promise<void> {
  const { hiddenSize: H, intermediateSize: F, heads, kvHeads, headDim: D } = config;
  const { extra } = w;
  const add = async (
    name: string,
    inputs: number,
    outputs: number,
    q: Quantized,
    bias?: Float32Array,
  ): Promise<void> => {
    // What the rounding of the weights costs on average, and the map's own bias: one vector.
    if (bias) for (let o = 0; o < outputs; o++) q.bias[o]! += bias[o]!;
    await writer.add(`${p}.${name}.q`, 'int8', [inputs, outputs], q.values);
    await writer.add(`${p}.${name}.scale`, 'float32', [outputs], q.scale);
    await writer.add(`${p}.${name}.bias`, 'float32', [outputs], q.bias);
  };
  /** [out, H] that reads the normed residual: the norm's weight folded in, its inputs rotated. */
  const reads = (weight: Float32Array, norm: Float32Array): Float32Array => {
    for (let at = 0; at < weight.length; at += H)
      for (let i = 0; i < H; i++) weight[at + i]! *= norm[i]!;
    residual.applyToRows(weight);
    return weight;
  };
  residual.applyToRows(seen.attentionMean);
  residual.applyToRows(seen.mlpMean);

  // Each value head is rotated; the output projection takes it back.
  const vT = transpose(w.v, kvHeads * D, H);
  value.applyToRows(vT);
  const attention = [
    ['q_proj', w.q, heads * D],
    ['k_proj', w.k, kvHeads * D],
    ['v_proj', transpose(vT, H, kvHeads * D), kvHeads * D],
  ] as const;
  for (const [name, weight, outputs] of attention) {
    const q = quantizeRows(reads(weight, w.attentionNorm), outputs, H, seen.attentionMean);
    const bias = extra[`self_attn.${name}.bias`];
    if (bias && name === 'v_proj') value.applyToRows(bias);
    await add(`self_attn.${name}`, H, outputs, q, bias);
  }
  value.applyToRows(seen.context);
  value.applyToRows(w.o);
  const oT = transpose(w.o, H, heads * D);
  // Before a norm of its own an output keeps its basis: the norm's weight belongs to it.
  const intoStream = (rows: Float32Array): Float32Array => {
    if (!config.sandwichNorms) residual.applyToRows(rows);
    return rows;
  };
  intoStream(oT);
  const outBias = extra['self_attn.o_proj.bias'];
  const width = heads * D;
  await add(
    'self_attn.o_proj',
    width,
    H,
    quantizeColumns(oT, width, H, means(seen.context, width)),
    outBias && intoStream(outBias),
  );
  const scale = peakQuantile(seen.context, width, CONTEXT_COVERAGE) / STATIC;
  await writer.add(`${p}.self_attn.context.scale`, 'float32', [], Float32Array.of(scale));

  const down = transpose(w.down, H, F);
  intoStream(down);
  const upBias = extra['mlp.up_proj.bias'];
  const downBias = extra['mlp.down_proj.bias'];
  const smooth = smoothing(seen.innerPeak, down, H);
  for (let i = 0; i < F; i++) {
    for (let j = 0; j < H; j++) {
      w.up[i * H + j]! /= smooth[i]!;
      down[i * H + j]! *= smooth[i]!;
    }
    seen.innerMean[i]! /= smooth[i]!;
    if (upBias) upBias[i]! /= smooth[i]!;
  }
  await add(
    'mlp.gate_proj',
    H,
    F,
    quantizeRows(reads(w.gate, w.mlpNorm), F, H, seen.mlpMean),
    extra['mlp.gate_proj.bias'],
  );
  await add('mlp.up_proj', H, F, quantizeRows(reads(w.up, w.mlpNorm), F, H, seen.mlpMean), upBias);
  await add(
    'mlp.down_proj',
    F,
    H,
    quantizeColumns(down, F, H, seen.innerMean),
    downBias && intoStream(downBias),
  );
  for (const [name, values] of Object.entries(extra)) {
    if (name.endsWith('.weight'))
      await writer.add(`${p}.${name}`, 'float32', [values.length], values);
  }

  // Values are rotated as the weights' outputs are.
  value.applyToRows(seen.prefixValue);
  const P = seen.prefixKey.length / (kvHeads * D);
  await writer.add(`${p}.prefix_key`, 'float32', [1, P, kvHeads * D], seen.prefixKey);
  await writer.add(`${p}.prefix_value`, 'float32', [1, P, kvHeads * D], seen.prefixValue);
}

/** sqrt(largest input / largest weight) of each inner channel, geometric mean 1. */
function smoothing(peak: Float32Array, down: Float32Array, H: number): Float64Array {
  const out = new Float64Array(peak.length);
  let logs = 0;
  for (let i = 0; i < peak.length; i++) {
    let weight = 1e-6;
    for (let j = 0; j < H; j++) weight = Math.max(weight, Math.abs(down[i * H + j]!));
    out[i] = Math.sqrt(Math.max(peak[i]!, 1e-6) / weight);
    logs += Math.log(out[i]!);
  }
  const centre = Math.exp(logs / out.length);
  return out.map((s) => s / centre);
}

function means(rows: Float32Array, width: number): Float32Array {
  const sums = new Float64Array(width);
  for (let i = 0; i < rows.length; i++) sums[i % width]! += rows[i]!;
  return Float32Array.from(sums, (s) => (s * width) / rows.length);
}

/** The magnitude that the largest entry of a share of the rows stays below. */
function peakQuantile(rows: Float32Array, width: number, share: number): number {
  const peaks: number[] = [];
  for (let at = 0; at < rows.length; at += width) {
    let peak = 0;
    for (let i = at; i < at + width; i++) peak = Math.max(peak, Math.abs(rows[i]!));
    peaks.push(peak);
  }
  peaks.sort((a, b) => a - b);
  return Math.max(peaks[Math.min(peaks.length - 1, Math.floor(share * peaks.length))] ?? 0, 1e-6);
}
