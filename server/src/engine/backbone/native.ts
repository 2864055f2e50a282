import { messageOf } from '../../errors.js';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { fileURLToPath } from 'node:url';
import { KERNEL_SETS, KERNEL_SWITCH, wantedKernels, type KernelSet } from '../identity.js';
import type { ModelConfig } from '../../model/checkpoint/config.js';

/** An opened model of the native library; freed by the garbage collector. */
export type NativeModel = object & { readonly __native: unique symbol };

/** What server/native/binding.c exports. */
export interface NativeLibrary {
  /** SHA-256 of the sources that it was built from. */
  readonly source: string;
  /** What of the processor or the system a set is lacking, or computes wrong; or undefined. */
  missing(set: KernelSet): string | undefined;
  open(set: KernelSet, ...model: Parameters<NativeKernels['open']>): NativeModel;
  run: NativeKernels['run'];
  /** Multiplies alone, for measuring: operations made. `kind` is the place of a name in MEASURED. */
  products(set: KernelSet, kind: number, count: number): number;
}

/** What `products` multiplies: int8 or bfloat16, on registers or square matrices in memory (server/native/ceiling.h). */
export const MEASURED = ['int8 registers', 'bf16 registers', 'int8 memory', 'bf16 memory'] as const;

/** The kernels of one set. */
export interface NativeKernels {
  readonly set: KernelSet;
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

/** The library for this platform, beside the bundles or in the sources. */
function libraryFile(): string | undefined {
  const name = `${platform()}-${arch()}.node`;
  return [`./native/${name}`, `../../../native/prebuilt/${name}`]
    .map((place) => fileURLToPath(new URL(place, import.meta.url)))
    .find((path) => existsSync(path));
}

/** The kernels of a set in a library. @throws Error where they cannot run here */
export function kernelsOf(file: string, set: KernelSet): NativeKernels {
  const library = createRequire(import.meta.url)(file) as NativeLibrary;
  const missing = library.missing(set);
  if (missing !== undefined) throw new Error(`this processor has no ${missing}`);
  return { set, open: (...model) => library.open(set, ...model), run: library.run };
}

/** Our own int8 kernels, the best set that runs here, or why none does. */
export function nativeKernels(): { kernels: NativeKernels } | { reason: string } {
  const wanted = wantedKernels();
  if (wanted === 'onnxruntime') return { reason: `${KERNEL_SWITCH} is set to onnxruntime` };
  const file = libraryFile();
  if (!file) return { reason: `none are built for ${platform()}-${arch()}` };
  const chosen = KERNEL_SETS.filter((set) => set === wanted);
  let reason = '';
  for (const set of chosen.length > 0 ? chosen : KERNEL_SETS) {
    try {
      return { kernels: kernelsOf(file, set) };
    } catch (error) {
      // Of the last set, which needs least.
      reason = messageOf(error);
    }
  }
  return { reason };
}

/** Path and set of the kernels that are used; for measurements. */
export function nativeLibrary(): { file: string; set: KernelSet } | undefined {
  const native = nativeKernels();
  const file = libraryFile();
  return 'kernels' in native && file ? { file, set: native.kernels.set } : undefined;
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
