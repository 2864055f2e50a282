/** Random int8 backbones in the form of server/native/backbone.h. */
import { inverseFrequencies } from '../../server/src/model/checkpoint/rotary.js';
import { Rotation } from '../../server/src/model/int8/hadamard.js';
import type { Random } from '../fuzz/random.js';

export interface Shape {
  readonly layers: number;
  readonly hidden: number;
  readonly intermediate: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocab: number;
  readonly eps: number;
  readonly queryScale: number;
  /** Token ids whose keys and values are stored. */
  readonly prefix: readonly number[];
  /** Tokens that a layer sees which slides; 0: none does. */
  readonly window: number;
  readonly slides: readonly boolean[];
  /** Two where sliding layers have angles of their own. */
  readonly ropes: 1 | 2;
  readonly headNorms: boolean;
  readonly outputNorms: boolean;
  readonly activation: Activation;
  readonly embeddingScale: number;
  /** 0: none. */
  readonly softcap: number;
}

/** In the order of server/native/backbone.h. */
export const ACTIVATIONS = ['silu', 'gelu_tanh', 'gelu'] as const;
export type Activation = (typeof ACTIVATIONS)[number];

/** [inputs, outputs], with a scale and a bias for each output. */
export interface Linear {
  readonly weights: Int8Array;
  readonly scale: Float32Array;
  readonly bias: Float32Array;
}

interface Layer {
  /** In the order of the file: q, k, v, o, gate, up, down. */
  readonly linears: readonly Linear[];
  /** [prefix, kvHeads * headDim], keys rotated. */
  readonly keys: Float32Array;
  readonly values: Float32Array;
  /** [headDim] of q and k, [hidden] of the outputs; undefined where the shape has none. */
  readonly norms: readonly (Float32Array | undefined)[];
}

export interface RandomModel {
  readonly shape: Shape;
  readonly file: Uint8Array;
  readonly offsets: readonly number[];
  readonly embedding: Float32Array;
  readonly unrotate: Float32Array;
  readonly norm: Float32Array;
  readonly rotation: Float32Array | undefined;
  readonly layers: readonly Layer[];
}

function normal(random: Random, length: number, sd: number): Float32Array {
  return Float32Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
    return sd * radius * Math.cos(2 * Math.PI * random.next());
  });
}

/** @param small for thousands of tokens, which cost the reference their square */
function randomShape(random: Random, small: boolean): Shape {
  const kvHeads = random.int(1, small ? 1 : 3);
  const vocab = random.int(2, 60);
  const layers = small ? 2 : random.int(1, 3);
  const hidden = 64 * random.int(1, small ? 1 : 7);
  // Llama is every third; the others have any of what the layouts add.
  const has = (chance: number): boolean => !plain && random.chance(chance);
  const plain = random.chance(0.34);
  const headNorms = has(0.5);
  const headDim = 64 * random.int(1, small ? 1 : 2);
  const window = has(0.5) ? random.pick([1, 2, 31, 32, 33, random.int(1, 150)]) : 0;
  return {
    window,
    slides: random.times(layers, layers, () => window > 0 && random.chance(0.7)),
    ropes: window > 0 && random.chance(0.5) ? 2 : 1,
    headNorms,
    outputNorms: has(0.4),
    activation: has(0.6) ? random.pick(ACTIVATIONS) : 'silu',
    embeddingScale: has(0.3) ? Math.sqrt(hidden) : 1,
    softcap: has(0.4) ? random.pick([2, 20, 50]) : 0,
    layers,
    hidden,
    intermediate: 64 * random.int(1, small ? 1 : 3),
    heads: kvHeads * random.int(1, small ? 2 : 3),
    kvHeads,
    headDim,
    vocab,
    eps: 1e-5,
    // Normed heads have products as large as their size: a softmax that decides between roundings is no test.
    queryScale: headNorms ? headDim ** -0.5 : random.pick([0.125, 0.3, 1]),
    prefix: random.times(0, random.pick([0, 1, 31, 32, 33, 70]), () => random.int(0, vocab - 1)),
  };
}

export function randomModel(random: Random, small: boolean): RandomModel {
  const shape = randomShape(random, small);
  const { hidden: H, intermediate: F, vocab, layers, prefix } = shape;
  const Q = shape.heads * shape.headDim;
  const KV = shape.kvHeads * shape.headDim;
  const parts: { bytes: Uint8Array; at: number }[] = [];
  let size = 0;
  const offsets: number[] = [];
  const put = <T extends Float32Array | Int8Array>(data: T): T => {
    parts.push({ bytes: new Uint8Array(data.buffer), at: size });
    offsets.push(size);
    // The writer aligns to 64; the file ends with its last tensor.
    size += Math.ceil(data.byteLength / 64) * 64;
    return data;
  };
  const maybe = (there: boolean, make: () => Float32Array): Float32Array | undefined => {
    if (there) return put(make());
    offsets.push(-1);
    return undefined;
  };
  const linear = (inputs: number, outputs: number): Linear => ({
    weights: put(Int8Array.from({ length: inputs * outputs }, () => random.int(-127, 127))),
    scale: put(normal(random, outputs, 1).map((x) => (Math.abs(x) + 0.1) / 127 / Math.sqrt(inputs))),
    bias: put(normal(random, outputs, 0.1)),
  }); // prettier-ignore
  const embedding = put(normal(random, vocab * H, 1));
  const unrotate = put(normal(random, H * H, 1 / Math.sqrt(H)));
  const norm = put(normal(random, H, 1));
  const rotation = maybe(shape.outputNorms, () => new Rotation(H).matrix());
  const weights = (there: boolean, n: number) =>
    maybe(there, () => normal(random, n, 0.5).map((w) => w + 1));
  const made = Array.from({ length: layers }, () => ({
    linears: [linear(H, Q), linear(H, KV), linear(H, KV), linear(Q, H), linear(H, F), linear(H, F), linear(F, H)],
    keys: put(normal(random, prefix.length * KV, 1)),
    values: put(normal(random, prefix.length * KV, 1)),
    norms: [
      weights(shape.headNorms, shape.headDim),
      weights(shape.headNorms, shape.headDim),
      weights(shape.outputNorms, H),
      weights(shape.outputNorms, H),
    ],
  })); // prettier-ignore
  const last = parts.at(-1)!;
  const file = new Uint8Array(Math.max(last.at + last.bytes.length, 1));
  for (const { bytes, at } of parts) file.set(bytes, at);
  return { shape, file, offsets, embedding, unrotate, norm, rotation, layers: made };
}

/** `open`'s numbers of a shape, in the order of server/native/binding.c. */
export function numbersOf(s: Shape): [shape: Int32Array, numbers: Float64Array, slides: Int32Array] {
  const ints = [s.layers, s.hidden, s.intermediate, s.heads, s.kvHeads, s.headDim, s.vocab, s.prefix.length];
  const kinds = [s.window, s.ropes, Number(s.headNorms), Number(s.outputNorms), ACTIVATIONS.indexOf(s.activation)];
  return [
    Int32Array.of(...ints, ...kinds),
    Float64Array.of(s.eps, s.queryScale, s.embeddingScale, s.softcap),
    Int32Array.from(s.slides, Number),
  ];
} // prettier-ignore

/** cos of [positions, headDim / 2], then sin; where sliding layers have their own, those after them. */
export function angles({ headDim, ropes }: Shape, positions: number): Float32Array {
  const half = headDim / 2;
  const out = new Float32Array(ropes * 2 * positions * half);
  for (const [n, theta] of [10_000, 1e6].slice(0, ropes).entries()) {
    const frequencies = inverseFrequencies({ headDim, rope: { theta, scaling: undefined } });
    const table = out.subarray(n * 2 * positions * half);
    for (let p = 0; p < positions; p++) {
      for (let i = 0; i < half; i++) {
        table[p * half + i] = Math.cos(p * frequencies[i]!);
        table[(positions + p) * half + i] = Math.sin(p * frequencies[i]!);
      }
    }
  }
  return out;
}
