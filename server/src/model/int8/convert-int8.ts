import type { ModelConfig } from '../checkpoint/config.js';
import type { TensorSource } from '../checkpoint/safetensors.js';
import type { ConvertOptions } from '../graph/convert-weights.js';
import { Journal } from '../graph/journal.js';
import { TensorFileWriter, type TensorIndex } from '../graph/tensor-file.js';
import type { ChatTokenizer } from '../tokenizer/chat-tokenizer.js';
import type { LayerWeights } from './calibration.js';
import { transpose } from './hadamard.js';
import { writeCalibration, type Calibration, type LayerCalibration } from './layer-calibration.js';
import { rotation, type LayerTensor, type Weights } from './layer-parts.js';
import { LayerReader } from './layer-reader.js';
import { Observer } from './observer.js';
import { PartPool } from './part-pool.js';

/**
 * Whether int8 is what to take where the user leaves it open. Norms after attention and MLP stand between
 * the rotation and the weights: int8 works there, but gains less and was not measured on large models.
 */
export function prefersInt8(config: ModelConfig): boolean {
  return !config.sandwichNorms;
}

/** A decoder to be converted. */
export interface Int8Source {
  readonly source: TensorSource;
  readonly config: ModelConfig;
  /** The calibration is made on chats in the model's own template, where none is stored. */
  readonly tokenizer: ChatTokenizer;
  readonly calibration?: Calibration;
}

export interface Int8Result {
  readonly index: TensorIndex;
  /** Token ids whose keys and values are stored: see graph/backbone.ts. */
  readonly prefix: readonly number[];
}

/** Rows of the embedding table that are rotated at a time, and how many times as many at once. */
const ROWS = 4096;
const ROWS_AHEAD = 8;
/** Layers that are quantised at once where none waits for what another gives. */
const AHEAD = 3;
/** Threads, at most; a layer that is observed keeps no more busy than it has parts. */
const STORED_THREADS = 8;
const OBSERVED_THREADS = 3;
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
 * With a stored calibration no layer is run: its weights go to the threads (part-pool.ts) as they are stored, some
 * layers at once. Else, while one layer is rotated and quantised there, the next is read and observed. What is done
 * is noted (journal.ts), and a conversion that was killed goes on there.
 */
export async function convertInt8(
  { source, config, tokenizer, calibration }: Int8Source,
  path: string,
  file: string,
  options: ConvertOptions = {},
): Promise<Int8Result> {
  const { hiddenSize: H, layers } = config;
  const { signal, onProgress } = options;
  const share = embeddingShare(config);
  const journal = options.journal && (await Journal.open(path, options.journal));
  const begun = calibration || journal?.state ? journal?.step : undefined;
  const writer = await TensorFileWriter.create(path, file, begun);
  const pool = new PartPool(config, calibration ? STORED_THREADS : OBSERVED_THREADS);
  const weights = new LayerReader(source, config);
  let observer: Observer | undefined;
  try {
    if (!calibration) {
      observer = await Observer.open(weights, tokenizer, journal);
    }
    const prefix = (calibration ?? observer!).prefix;
    if (begun === undefined) {
      await addEmbedding(writer, pool, weights, (part) => {
        signal?.throwIfAborted();
        onProgress?.(share * part);
      });
    } else {
      // The time left is measured from where it goes on.
      onProgress?.(share + ((1 - share) * begun.done) / layers);
    }
    /** Layers on their way to the file. */
    const writing: (() => Promise<void>)[] = [];
    for (let layer = begun?.done ?? 0; layer < layers; layer++) {
      signal?.throwIfAborted();
      const made = observer
        ? await observer.next(layer)
        : ([await weights.stored(layer), await calibration!.layer(layer)] as const);
      const state = observer?.stream;
      const tensors = quantised(pool, config, ...made);
      // Its failure is met where it is awaited.
      tensors.catch(() => undefined);
      writing.push(async () => {
        for (const { name, dtype, shape, data } of await tensors) {
          await writer.add(`model.layers.${layer}.${name}`, dtype, shape, data);
        }
        onProgress?.(share + ((1 - share) * (layer + 1)) / layers);
        if (!journal?.due) return;
        await journal.note({ done: layer + 1, prefix, ...(await writer.written()) }, state);
      });
      if (writing.length > (observer ? 1 : AHEAD)) await writing.shift()!();
    }
    for (const write of writing) {
      signal?.throwIfAborted();
      await write();
    }
    const residual = rotation(H);
    const inverse = transpose(residual.matrix(), H, H);
    await writer.add('rotation.inverse', 'float32', [H, H], inverse);
    await writer.add('model.norm.weight', 'float32', [H], await weights.norm('model.norm'));
    if (config.sandwichNorms) {
      await writer.add('rotation.matrix', 'float32', [H, H], residual.matrix());
    }
    await journal?.end();
    return { index: writer.index, prefix };
  } finally {
    await pool.close();
    await observer?.close();
    await writer.close();
  }
}

/** Observes every layer, for a bundle that keeps the calibration (layer-calibration.ts). */
export async function calibrate(
  { source, config, tokenizer }: Omit<Int8Source, 'calibration'>,
  folder: string,
): Promise<void> {
  const observer = await Observer.open(new LayerReader(source, config), tokenizer);
  try {
    const layers: LayerCalibration[] = [];
    for (let n = 0; n < config.layers; n++) layers.push((await observer.next(n))[1]);
    await writeCalibration(folder, observer.prefix, layers);
  } finally {
    await observer.close();
  }
}

/** Writes the table rotated, some rows at a time, of which some are rotated at once. */
async function addEmbedding(
  writer: TensorFileWriter,
  pool: PartPool,
  weights: LayerReader,
  progress: (share: number) => void,
): Promise<void> {
  const { vocabSize: V, hiddenSize: H } = weights.config;
  const table = weights.embedding();
  async function* rotated(): AsyncGenerator<Float32Array> {
    const waiting: Promise<LayerTensor[]>[] = [];
    let from = 0;
    for (let written = 0; written < V; written += ROWS) {
      while (from < V && waiting.length < ROWS_AHEAD) {
        const rows = await table(from, Math.min(V, from + ROWS));
        const rotating = pool.run('rotate', { rows });
        rotating.catch(() => undefined);
        waiting.push(rotating);
        from += ROWS;
      }
      const [rows] = await waiting.shift()!;
      yield rows!.data as Float32Array;
      progress(Math.min(1, (written + ROWS) / V));
    }
  }
  await writer.addParts('model.embed_tokens.weight', 'float32', [V, H], rotated());
}

/** One layer rotated, smoothed and quantised; the weights that it is given are gone afterwards. */
async function quantised(
  pool: PartPool,
  { kvHeads, headDim }: ModelConfig,
  w: LayerWeights<Weights>,
  seen: LayerCalibration,
): Promise<LayerTensor[]> {
  const { extra } = w;
  const bias = (name: string): Float32Array | undefined => extra[`${name}_proj.bias`];
  const [upDown, attention, gate] = await Promise.all([
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
      context: seen.contextMean,
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
  ]);
  const float = (name: string, shape: readonly number[], data: Float32Array): LayerTensor => {
    return { name, dtype: 'float32', shape, data };
  };
  const KV = kvHeads * headDim;
  const stored = [1, seen.prefixKey.length / KV, KV];
  return [
    ...attention,
    float('self_attn.context.scale', [], seen.contextScale),
    ...gate,
    ...upDown,
    ...Object.entries(extra)
      .filter(([name]) => name.endsWith('.weight'))
      .map(([name, values]) => float(name, [values.length], values)),
    float('prefix_key', stored, seen.prefixKey),
    float('prefix_value', stored, seen.prefixValue),
  ];
}
