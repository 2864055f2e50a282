import {
  calibrationTokens,
  extraParts,
  LayerObserver,
  type LayerObservation,
  type LayerWeights,
} from './calibration.js';
import type { ChatTokenizer } from '../tokenizer/chat-tokenizer.js';
import type { ModelConfig } from '../checkpoint/config.js';
import type { ConvertOptions } from '../graph/convert-weights.js';
import { Journal } from '../graph/journal.js';
import { transpose } from './hadamard.js';
import { rotation, type LayerTensor } from './layer-parts.js';
import { PartPool } from './part-pool.js';
import { rowReader, type TensorSource } from '../checkpoint/safetensors.js';
import { TensorFileWriter, type TensorIndex } from '../graph/tensor-file.js';

/**
 * Whether int8 is what to take where the user leaves it open. Norms after attention and MLP stand between
 * the rotation and the weights: int8 works there, but gains less and was not measured on large models.
 */
export function prefersInt8(config: ModelConfig): boolean {
  return !config.sandwichNorms;
}

export interface Int8Result {
  readonly index: TensorIndex;
  /** Token ids whose keys and values are stored: see graph/backbone.ts. */
  readonly prefix: readonly number[];
}

/** Rows of the embedding table that are rotated at a time. */
const ROWS = 4096;
/** Of the whole, what the embedding table takes: its weights are rotated, those of layers quantised and run too. */
function embeddingShare({ layers, hiddenSize: H, intermediateSize: F, ...c }: ModelConfig): number {
  const layer = H * (3 * F + 2 * c.headDim * (c.heads + c.kvHeads));
  const table = 0.4 * c.vocabSize * H;
  return table / (table + layers * layer);
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
 * While one layer is rotated and quantised in threads (part-pool.ts), the next is read and observed; what is done is
 * noted (journal.ts), and a conversion that was killed goes on there.
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
  const { signal, onProgress } = options;
  const share = embeddingShare(config);
  const tokens = calibrationTokens(tokenizer);
  const journal = options.journal && (await Journal.open(path, options.journal));
  const begun = journal?.state === undefined ? undefined : journal.step;
  const writer = await TensorFileWriter.create(path, file, begun);
  const pool = new PartPool(config);
  /** Gemma's norms with the 1 that they are stored without. */
  const norm = async (name: string): Promise<Float32Array> => {
    const weight = await source.readFloat32(`${name}.weight`);
    if (config.normPlusOne) for (let i = 0; i < weight.length; i++) weight[i]! += 1;
    return weight;
  };
  let observer: LayerObserver | undefined;
  try {
    const first = begun?.done ?? 0;
    if (begun === undefined) {
      const table = rowReader(source, 'model.embed_tokens.weight');
      const x = await scaledRows(table, tokens.sequences.flat(), config);
      await addEmbedding(writer, pool, table, config, (part) => {
        signal?.throwIfAborted();
        onProgress?.(share * part);
      });
      observer = await LayerObserver.create(config, tokens, x, 0);
    } else observer = await LayerObserver.create(config, tokens, journal!.state!, first);
    /** The layer before, on its way to the file. */
    let writing: Promise<void> | undefined;
    for (let layer = first; layer < layers; layer++) {
      signal?.throwIfAborted();
      const weights = await layerWeights(source, config, layer, norm);
      const seen = await observer.observe(weights);
      const state = observer.stream;
      await writing;
      const done = addLayer(writer, pool, config, `model.layers.${layer}`, weights, seen);
      writing = done.then(async () => {
        onProgress?.(share + ((1 - share) * (layer + 1)) / layers);
        if (!journal?.due) return;
        await journal.note(
          { done: layer + 1, prefix: tokens.prefix, ...(await writer.written()) },
          state,
        );
      });
      // Its failure is met where it is awaited.
      writing.catch(() => undefined);
    }
    await writing;
    const residual = rotation(H);
    const inverse = transpose(residual.matrix(), H, H);
    await writer.add('rotation.inverse', 'float32', [H, H], inverse);
    await writer.add('model.norm.weight', 'float32', [H], await norm('model.norm'));
    if (config.sandwichNorms) {
      await writer.add('rotation.matrix', 'float32', [H, H], residual.matrix());
    }
    await journal?.end();
  } finally {
    await pool.close();
    await observer?.release();
    await writer.close();
  }
  return { index: writer.index, prefix: tokens.prefix };
}

type Rows = ReturnType<typeof rowReader>;

/** Rows of the embedding table as the first layer takes them. */
async function scaledRows(
  table: Rows,
  ids: readonly number[],
  { hiddenSize: H, embeddingScale: scale }: ModelConfig,
): Promise<Float32Array> {
  const rows = new Float32Array(ids.length * H);
  const known = new Map<number, Float32Array>();
  for (const [i, id] of ids.entries()) {
    const row = known.get(id) ?? (await table(id, id + 1));
    known.set(id, row);
    rows.set(row, i * H);
  }
  if (scale !== 1) for (let i = 0; i < rows.length; i++) rows[i]! *= scale;
  return rows;
}

/** Writes the table rotated, some rows at a time, of which some are rotated at once. */
async function addEmbedding(
  writer: TensorFileWriter,
  pool: PartPool,
  table: Rows,
  { vocabSize: V, hiddenSize: H }: ModelConfig,
  progress: (share: number) => void,
): Promise<void> {
  async function* rotated(): AsyncGenerator<Float32Array> {
    const waiting: Promise<LayerTensor[]>[] = [];
    let from = 0;
    for (let written = 0; written < V; written += ROWS) {
      while (from < V && waiting.length < 4) {
        const rows = await table(from, Math.min(V, from + ROWS));
        waiting.push(pool.run('rotate', { rows }));
        from += ROWS;
      }
      const [rows] = await waiting.shift()!;
      yield rows!.data as Float32Array;
      progress(Math.min(1, (written + ROWS) / V));
    }
  }
  await writer.addParts('model.embed_tokens.weight', 'float32', [V, H], rotated());
}

async function layerWeights(
  source: TensorSource,
  config: ModelConfig,
  layer: number,
  norm: (name: string) => Promise<Float32Array>,
): Promise<LayerWeights> {
  const p = `model.layers.${layer}`;
  const read = (name: string): Promise<Float32Array> => source.readFloat32(`${p}.${name}.weight`);
  const extra: Record<string, Float32Array> = {};
  for (const part of extraParts(config)) {
    extra[part] = part.endsWith('bias')
      ? await source.readFloat32(`${p}.${part}`)
      : await norm(`${p}.${part.replace(/\.weight$/, '')}`);
  }
  return {
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
    extra,
  };
}

/** Rotates, smooths, quantises and writes one layer; the weights that it is given are gone afterwards. */
async function addLayer(
  writer: TensorFileWriter,
  pool: PartPool,
  config: ModelConfig,
  p: string,
  w: LayerWeights,
  seen: LayerObservation,
): Promise<void> {
  const { extra } = w;
  const bias = (name: string): Float32Array | undefined => extra[`${name}_proj.bias`];
  const parts = [
    // The longest first.
    pool.run('upDown', {
      up: w.up,
      down: w.down,
      norm: w.mlpNorm.slice(),
      mean: seen.mlpMean.slice(),
      innerPeak: seen.innerPeak.slice(),
      innerMean: seen.innerMean.slice(),
      'up.bias': bias('mlp.up'),
      'down.bias': bias('mlp.down'),
    }),
    pool.run('attention', {
      q: w.q,
      k: w.k,
      v: w.v,
      o: w.o,
      norm: w.attentionNorm,
      mean: seen.attentionMean.slice(),
      context: seen.context.slice(),
      'q.bias': bias('self_attn.q'),
      'k.bias': bias('self_attn.k'),
      'v.bias': bias('self_attn.v'),
      'o.bias': bias('self_attn.o'),
    }),
    pool.run('gate', {
      gate: w.gate,
      norm: w.mlpNorm.slice(),
      mean: seen.mlpMean.slice(),
      'gate.bias': bias('mlp.gate'),
    }),
  ] as const;
  const [upDown, attention, gate] = await Promise.all(parts);
  for (const { name, dtype, shape, data } of [...attention, ...gate, ...upDown]) {
    await writer.add(`${p}.${name}`, dtype, shape, data);
  }
  for (const [name, values] of Object.entries(extra)) {
    if (name.endsWith('.weight'))
      await writer.add(`${p}.${name}`, 'float32', [values.length], values);
  }
  // Values are rotated as the weights' outputs are.
  const KV = config.kvHeads * config.headDim;
  rotation(config.headDim).applyToRows(seen.prefixValue);
  const P = seen.prefixKey.length / KV;
  await writer.add(`${p}.prefix_key`, 'float32', [1, P, KV], seen.prefixKey);
  await writer.add(`${p}.prefix_value`, 'float32', [1, P, KV], seen.prefixValue);
}
