import { join } from 'node:path';
import { messageOf } from '../../errors.js';
import type { ModelConfig } from '../checkpoint/config.js';
import { float32Tensor, writeSafetensors } from '../checkpoint/safetensors-write.js';
import { Safetensors } from '../checkpoint/safetensors.js';
import { STATIC } from '../graph/int8-weights.js';
import type { LayerObservation } from './calibration.js';
import { rotation } from './layer-parts.js';

/** Share of the calibration tokens whose attention output is not clipped. */
const CONTEXT_COVERAGE = 0.99;

/** What quantising a layer needs to know of its activations. */
export interface LayerCalibration {
  /** Means over tokens of the normed residual before the norm's weight, [hidden]. */
  readonly attentionMean: Float32Array;
  readonly mlpMean: Float32Array;
  /** Mean input of the output projection, each head rotated, [heads*headDim]. */
  readonly contextMean: Float32Array;
  /** Step of that input's int8, [1]. */
  readonly contextScale: Float32Array;
  /** Largest magnitude and mean of each channel of the down projection's input, [intermediate]. */
  readonly innerPeak: Float32Array;
  readonly innerMean: Float32Array;
  /** Keys (after rotary embedding) and rotated values of the stored beginning, [P, kvHeads*headDim]. */
  readonly prefixKey: Float32Array;
  readonly prefixValue: Float32Array;
}

/** The calibration of a whole backbone, kept beside its weights: see writeCalibration. */
export interface Calibration {
  /** Token ids of the stored beginning. */
  readonly prefix: readonly number[];
  /** Arrays of the caller's own. @throws Error naming file and tensor */
  layer(layer: number): Promise<LayerCalibration>;
  close(): Promise<void>;
}

/** Takes over the arrays of what was observed. */
export function layerCalibration(seen: LayerObservation, config: ModelConfig): LayerCalibration {
  const { headDim, heads } = config;
  const { context, prefixValue, ...rest } = seen;
  // Values are rotated as the weights' outputs are.
  rotation(headDim).applyToRows(context);
  rotation(headDim).applyToRows(prefixValue);
  const width = heads * headDim;
  const scale = peakQuantile(context, width, CONTEXT_COVERAGE) / STATIC;
  return {
    ...rest,
    prefixValue,
    contextMean: means(context, width),
    contextScale: Float32Array.of(scale),
  };
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

/** Beside the weights of a compact bundle: float32 tensors `model.layers.N.NAME`, the prefix as metadata. */
export const CALIBRATION = 'calibration.safetensors';

/** The names in the file. */
const NAMES = {
  attentionMean: 'attention_mean',
  mlpMean: 'mlp_mean',
  contextMean: 'context_mean',
  contextScale: 'context_scale',
  innerPeak: 'inner_peak',
  innerMean: 'inner_mean',
  prefixKey: 'prefix_key',
  prefixValue: 'prefix_value',
} as const satisfies Record<keyof LayerCalibration, string>;
const FIELDS = Object.keys(NAMES) as (keyof LayerCalibration)[];

const tensorName = (layer: number, field: keyof LayerCalibration): string =>
  `model.layers.${layer}.${NAMES[field]}`;

/** Writes a calibration into a bundle's folder. */
export async function writeCalibration(
  folder: string,
  prefix: readonly number[],
  layers: readonly LayerCalibration[],
): Promise<void> {
  const tensors = layers.flatMap((layer, n) =>
    FIELDS.map((field) => float32Tensor(tensorName(n, field), [layer[field].length], layer[field])),
  );
  await writeSafetensors(join(folder, CALIBRATION), tensors, { prefix: JSON.stringify(prefix) });
}

/**
 * Opens a bundle's calibration.
 * @throws Error naming the file, and the tensor that is missing or has another length than the config implies
 */
export async function openCalibration(folder: string, config: ModelConfig): Promise<Calibration> {
  const path = join(folder, CALIBRATION);
  const file = await Safetensors.openFiles([path]);
  let prefix: unknown;
  try {
    prefix = JSON.parse(file.metadata['prefix'] ?? 'null');
  } catch (error) {
    throw new Error(`${path}: the metadata's prefix is no JSON (${messageOf(error)})`);
  }
  if (!Array.isArray(prefix) || !prefix.every((id) => Number.isInteger(id))) {
    throw new Error(`${path}: expected the metadata's prefix to be a list of token ids`);
  }
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim } = config;
  const stored = prefix.length * kvHeads * headDim;
  const lengths: Record<keyof LayerCalibration, number> = {
    attentionMean: hiddenSize,
    mlpMean: hiddenSize,
    contextMean: heads * headDim,
    contextScale: 1,
    innerPeak: intermediateSize,
    innerMean: intermediateSize,
    prefixKey: stored,
    prefixValue: stored,
  };
  const read = async (layer: number, field: keyof LayerCalibration): Promise<Float32Array> => {
    const values = await file.readFloat32(tensorName(layer, field));
    if (values.length !== lengths[field]) {
      const name = tensorName(layer, field);
      throw new Error(
        `${path}: tensor "${name}" has ${values.length} values, expected ${lengths[field]}`,
      );
    }
    return values;
  };
  return {
    prefix: prefix as number[],
    layer: async (layer) => {
      const entries = FIELDS.map(async (field) => [field, await read(layer, field)] as const);
      return Object.fromEntries(await Promise.all(entries)) as unknown as LayerCalibration;
    },
    close: () => file.close(),
  };
}
