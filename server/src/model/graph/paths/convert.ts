import type { ModelConfig } from '../../checkpoint/config.js';
import { encodeBfloat16, encodeHalf } from '../../checkpoint/half.js';
import { rowReader, type TensorSource } from '../../checkpoint/safetensors.js';
import type { ConvertOptions } from '../convert-weights.js';
import { Journal } from '../journal.js';
import { TensorFileWriter, type TensorIndex } from '../tensor-file.js';
import { blocksOf, quantizeBlocks } from './nbits.js';
import { BLOCK, paddedHead, type FloatType, type Variant } from './variants.js';

/** The table of embeddings in the weights file; the graph does not name it, the host reads its rows. */
export const EMBEDDING = 'model.embed_tokens.weight';
/** Values read and written at once: no tensor is ever whole in memory. */
const PIECE = 1 << 21;

const encode = (values: Float32Array, type: FloatType): ArrayBufferView =>
  type === 'float32' ? values : type === 'float16' ? encodeHalf(values) : encodeBfloat16(values);

/** Part of a linear layer: rows of a stored matrix, with what widened heads add to them. */
interface Part {
  readonly name: string;
  readonly rows: number;
  /** Heads whose rows are widened: `halves` in each half (q and k), `end` at the end (v). */
  readonly heads?: { readonly count: number; readonly pad: 'halves' | 'end' };
}

/**
 * Writes the weights of a graph of paths (graph.ts) straight from the checkpoint, some rows at a time.
 * @throws Error naming file and tensor; AbortError
 */
export async function convertPaths(
  source: TensorSource,
  config: ModelConfig,
  variant: Variant,
  path: string,
  file: string,
  options: ConvertOptions = {},
): Promise<TensorIndex> {
  const journal = options.journal && (await Journal.open(path, options.journal));
  const writer = await TensorFileWriter.create(path, file, journal?.step);
  try {
    const steps = new PathsWriter(source, config, variant, writer, options.signal).steps();
    const first = journal?.step?.done ?? 0;
    for (const [i, { run }] of steps.entries()) {
      if (i < first) continue;
      options.signal?.throwIfAborted();
      await run();
      if (journal?.due) await journal.note({ done: i + 1, ...(await writer.written()) });
      options.onProgress?.((i + 1) / steps.length);
    }
    await journal?.end();
  } finally {
    await writer.close();
  }
  return writer.index;
}

class PathsWriter {
  constructor(
    private readonly source: TensorSource,
    private readonly config: ModelConfig,
    private readonly variant: Variant,
    private readonly writer: TensorFileWriter,
    private readonly signal: AbortSignal | undefined,
  ) {}

  steps(): { run: () => Promise<void> }[] {
    const { config } = this;
    const { heads, kvHeads, headDim: D, intermediateSize: F, hiddenSize: H } = config;
    const steps: { run: () => Promise<void> }[] = [{ run: () => this.#embedding() }];
    const norm = (name: string): void => void steps.push({ run: () => this.#norm(name) });
    for (let layer = 0; layer < config.layers; layer++) {
      const p = `model.layers.${layer}`;
      const attention = (name: string, count: number, pad: 'halves' | 'end'): Part => ({
        name: `${p}.self_attn.${name}_proj`,
        rows: count * D,
        heads: { count, pad },
      });
      norm(`${p}.input_layernorm`);
      norm(`${p}.post_attention_layernorm`);
      if (config.sandwichNorms) {
        norm(`${p}.pre_feedforward_layernorm`);
        norm(`${p}.post_feedforward_layernorm`);
      }
      if (config.qkNorm) {
        for (const n of ['q', 'k'])
          steps.push({ run: () => this.#headNorm(`${p}.self_attn.${n}_norm`) });
      }
      const qkv = [
        attention('q', heads, 'halves'),
        attention('k', kvHeads, 'halves'),
        attention('v', kvHeads, 'end'),
      ];
      const one = (name: string): Part[] => [{ name: `${p}.${name}`, rows: H }];
      const up = ['gate', 'up'].map((n) => ({ name: `${p}.mlp.${n}_proj`, rows: F }));
      steps.push(
        { run: () => this.#linear(`${p}.self_attn.qkv`, qkv) },
        { run: () => this.#linear(`${p}.self_attn.o_proj`, one('self_attn.o_proj'), D) },
        { run: () => this.#linear(`${p}.mlp.gate_up`, up) },
        { run: () => this.#linear(`${p}.mlp.down_proj`, one('mlp.down_proj')) },
      );
    }
    norm('model.norm');
    return steps;
  }

  /** In the file's own type where that is a float: the host makes float32 of the rows that it feeds. */
  async #embedding(): Promise<void> {
    const { dtype, shape } = this.source.info(EMBEDDING);
    const type = dtype === 'BF16' ? 'bfloat16' : dtype === 'F16' ? 'float16' : 'float32';
    const [rows, columns] = shape as [number, number];
    const pieces = this.#pieces(EMBEDDING, rows, columns);
    const encoded = (async function* () {
      for await (const piece of pieces) yield encode(piece, type);
    })();
    await this.writer.addParts(EMBEDDING, type, shape, encoded);
  }

  async #norm(name: string): Promise<void> {
    const data = Float32Array.from(await this.source.readFloat32(`${name}.weight`));
    if (this.config.normPlusOne) for (let i = 0; i < data.length; i++) data[i]! += 1;
    await this.#small(`${name}.weight`, data, this.variant.residual);
  }

  /** Widened by zeros; sqrt(D / widened) undoes the mean over more channels. */
  async #headNorm(name: string): Promise<void> {
    const { headDim: D, normPlusOne } = this.config;
    const P = paddedHead(D);
    const data = Float32Array.from(await this.source.readFloat32(`${name}.weight`));
    const factor = Math.sqrt(D / P);
    for (let i = 0; i < D; i++) data[i] = (data[i]! + (normPlusOne ? 1 : 0)) * factor;
    const wide = widen(data, { count: 1, pad: 'halves' }, D, 1);
    await this.#small(`${name}.weight`, wide, this.variant.activations);
  }

  async #small(name: string, data: Float32Array, type: FloatType): Promise<void> {
    await this.writer.add(name, type, [data.length], encode(data, type));
  }

  /** @param headDim of the columns, where they are heads that are widened */
  async #linear(name: string, parts: readonly Part[], headDim?: number): Promise<void> {
    const { activations, bits } = this.variant;
    const K = this.source.info(`${parts[0]!.name}.weight`).shape[1]!;
    const widened = headDim === undefined ? K : (K / headDim) * paddedHead(headDim);
    const N = parts.reduce((n, part) => n + this.#rows(part), 0);
    const pieces = this.#matrix(parts, K, headDim);
    if (bits === undefined) {
      const encoded = (async function* () {
        for await (const piece of pieces) yield encode(piece, activations);
      })();
      await this.writer.addParts(`${name}.weight`, activations, [N, widened], encoded);
    } else {
      const blocks = blocksOf(widened);
      const scales = new Float32Array(N * blocks);
      let done = 0;
      const codes = (async function* () {
        for await (const piece of pieces) {
          const some = quantizeBlocks(piece, widened, bits);
          scales.set(some.scales, done);
          done += some.scales.length;
          yield some.codes;
        }
      })();
      const shape = [N, blocks, (BLOCK * bits) / 8];
      await this.writer.addParts(`${name}.codes`, 'uint8', shape, codes);
      const stored = encode(scales, activations);
      await this.writer.add(`${name}.scales`, activations, [N * blocks], stored);
    }
    await this.#bias(name, parts, N);
  }

  async #bias(name: string, parts: readonly Part[], N: number): Promise<void> {
    if (!parts.some((part) => this.source.has(`${part.name}.bias`))) return;
    const bias = new Float32Array(N);
    let at = 0;
    for (const part of parts) {
      if (this.source.has(`${part.name}.bias`)) {
        const values = await this.source.readFloat32(`${part.name}.bias`);
        bias.set(widen(values, part.heads, this.config.headDim, 1), at);
      }
      at += this.#rows(part);
    }
    await this.#small(`${name}.bias`, bias, this.variant.activations);
  }

  #rows({ rows, heads }: Part): number {
    return heads === undefined ? rows : heads.count * paddedHead(this.config.headDim);
  }

  /** The parts one below the other, [rows, columns] at a time. */
  async *#matrix(
    parts: readonly Part[],
    K: number,
    headDim: number | undefined,
  ): AsyncGenerator<Float32Array> {
    const { headDim: D } = this.config;
    for (const { name, rows, heads } of parts) {
      for await (const piece of this.#pieces(`${name}.weight`, rows, K, heads ? D : 1)) {
        const count = piece.length / (D * K);
        const tall = widen(piece, heads && { ...heads, count }, D, K);
        yield headDim === undefined ? tall : widenColumns(tall, headDim);
      }
    }
  }

  /** Rows of a stored matrix, so many at once as fit a piece. @param unit rows that stay together */
  async *#pieces(
    name: string,
    rows: number,
    columns: number,
    unit = 1,
  ): AsyncGenerator<Float32Array> {
    const read = rowReader(this.source, name);
    const step = unit * Math.max(1, Math.floor(PIECE / (columns * unit)));
    for (let from = 0; from < rows; from += step) {
      this.signal?.throwIfAborted();
      yield await read(from, Math.min(rows, from + step));
    }
  }
}

/** Rows of heads of D as rows of heads of a multiple of 16, zeros between. */
function widen(
  values: Float32Array,
  heads: Part['heads'],
  D: number,
  columns: number,
): Float32Array {
  const P = paddedHead(D);
  if (heads === undefined || P === D) return values;
  const out = new Float32Array(heads.count * P * columns);
  // Halves stay halves: the rotary embedding turns channel i with channel i + half.
  const runs = heads.pad === 'halves' ? 2 : 1;
  const [from, to] = [(D / runs) * columns, (P / runs) * columns];
  for (let i = 0; i < heads.count * runs; i++)
    out.set(values.subarray(i * from, (i + 1) * from), i * to);
  return out;
}

/** Columns of heads of D likewise: each row is heads one after the other. */
function widenColumns(values: Float32Array, D: number): Float32Array {
  return widen(values, { count: values.length / D, pad: 'end' }, D, 1);
}
