import { messageOf } from '../errors.js';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { ModelConfig } from '../model/checkpoint/config.js';

/** An opened model of the native library; freed by the garbage collector. */
export type NativeModel = object & { readonly __native: unique symbol };

/** What server/native/binding.c exports. */
export interface NativeKernels {
  /** SHA-256 of the sources that it was built from. */
  readonly source: string;
  /** What of the processor or the system is lacking, or undefined. */
  missing(): string | undefined;
  /**
   * @param slides of each layer, whether it sees the window alone
   * @throws Error when the file cannot be read, or shape and offsets do not fit it
   */
  open(
    path: string,
    shape: Int32Array,
    numbers: Float64Array,
    slides: Int32Array,
    offsets: Float64Array,
  ): NativeModel;
  /** @throws Error when an index leads out of its buffer */
  run(
    model: NativeModel,
    ids: Int32Array,
    segments: Int32Array,
    rope: Float32Array,
    targets: Int32Array,
    out: Float32Array,
  ): void;
}

/** Set to `onnxruntime` to do without our own kernels, for comparing the two. */
const SWITCH = 'QRM_LENS_KERNELS';

/** The library for this platform, beside the bundles or in the sources. */
function libraryFile(): string | undefined {
  const name = `${platform()}-${arch()}.node`;
  return [`./native/${name}`, `../../native/prebuilt/${name}`]
    .map((place) => fileURLToPath(new URL(place, import.meta.url)))
    .find((path) => existsSync(path));
}

/** Our own int8 kernels, or why they cannot be used here. */
export function nativeKernels(): { kernels: NativeKernels } | { reason: string } {
  const wanted = process.env[SWITCH];
  if (wanted === 'onnxruntime') return { reason: `${SWITCH} is set to onnxruntime` };
  const file = libraryFile();
  if (!file) return { reason: `none are built for ${platform()}-${arch()}` };
  try {
    const kernels = createRequire(import.meta.url)(file) as NativeKernels;
    const missing = kernels.missing();
    return missing === undefined ? { kernels } : { reason: `this processor has no ${missing}` };
  } catch (error) {
    return { reason: messageOf(error) };
  }
}

/** Path of the kernels' library where it is used; for measurements. */
export function nativeLibrary(): string | undefined {
  return 'kernels' in nativeKernels() ? libraryFile() : undefined;
}

/** Why the kernels cannot run a model of this shape, or undefined. They work in blocks of 64. */
export function nativeUnfit(config: ModelConfig): string | undefined {
  const { hiddenSize, intermediateSize, headDim, heads, kvHeads } = config;
  const sizes = { hiddenSize, intermediateSize, headDim };
  for (const [name, size] of Object.entries(sizes)) {
    if (size % 64 !== 0) return `${name} ${size} is no multiple of 64`;
  }
  if (heads % kvHeads !== 0) return `${heads} heads do not share ${kvHeads} evenly`;
  let odd = hiddenSize;
  while (odd % 2 === 0) odd /= 2;
  // The stream's rotation is run for norms after attention and MLP: backbone.h.
  if (config.sandwichNorms && odd > 256)
    return `hiddenSize ${hiddenSize} has the odd factor ${odd}`;
  return undefined;
}
