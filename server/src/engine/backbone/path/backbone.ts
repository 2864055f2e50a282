import { dirname, join } from 'node:path';
import type { ModelConfig, RopeConfig } from '../../../model/checkpoint/config.js';
import { inverseFrequencies, rotaryFactor } from '../../../model/checkpoint/rotary.js';
import { hasLocalRope, needsMask } from '../../../model/graph/paths/graph.js';
import { readPathsFile } from '../../../model/graph/paths/file.js';
import { paddedHead, type Variant } from '../../../model/graph/paths/variants.js';
import { Tensor, type InferenceSession } from '../../../model/onnxruntime.js';
import type { Backbone } from '../loaded.js';
import type { TokenTree } from '../../trees/packing.js';
import { EmbeddingFile } from './embedding.js';
import { layOutPaths } from './layout.js';

/** Masked scores: finite, so that no row becomes NaN in the softmax. */
const MASKED = -1e9;

/** A backbone of the graph "grouped-query attention over paths" in a session of ONNX Runtime. */
export class PathBackbone implements Backbone {
  readonly prefix: readonly number[] = [];
  /** Ends when the run before has: one at a time, while the next is laid out. */
  #before: Promise<unknown> = Promise.resolve();
  readonly #angles = new Map<RopeConfig, { positions: number; cos: Tensor; sin: Tensor }>();

  private constructor(
    private readonly session: InferenceSession,
    private readonly config: ModelConfig,
    private readonly variant: Variant,
    private readonly embedding: EmbeddingFile,
  ) {}

  /**
   * @param path the .onnx file, with paths.json beside it
   * @param create opens a session on the provider
   */
  static async load(
    path: string,
    config: ModelConfig,
    create: (path: string) => Promise<InferenceSession>,
  ): Promise<PathBackbone> {
    const { variant, embedding } = await readPathsFile(path);
    const file = join(dirname(path), embedding.file);
    const rows = await EmbeddingFile.open(file, embedding, config.embeddingScale);
    try {
      return new PathBackbone(await create(path), config, variant, rows);
    } catch (error) {
      await rows.close();
      throw error;
    }
  }

  async run(trees: readonly TokenTree[]): Promise<Float32Array> {
    const feeds = await this.#feeds(trees);
    const turn = this.#before.then(async () => {
      const { hidden } = await this.session.run(feeds, ['hidden']);
      return (await hidden!.getData()) as Float32Array;
    });
    this.#before = turn.catch(() => undefined);
    return turn;
  }

  async #feeds(trees: readonly TokenTree[]): Promise<Record<string, Tensor>> {
    const { config } = this;
    const batch = layOutPaths(trees);
    const { ids, rows: R, length: L } = batch;
    const long = (data: BigInt64Array, ...dims: number[]): Tensor =>
      new Tensor('int64', data, dims);
    const embeddings = await this.embedding.rows(ids);
    const { cos, sin } = this.#rope(config.rope, L);
    const feeds: Record<string, Tensor> = {
      embeddings: new Tensor('float32', embeddings, [ids.length, config.hiddenSize]),
      rows: long(batch.rowTokens, R, L),
      token_slots: long(batch.tokenSlots, ids.length),
      target_slots: long(batch.targetSlots, batch.targets.length),
      targets: long(batch.targets, batch.targets.length),
      cos,
      sin,
    };
    if (hasLocalRope(config)) {
      const local = this.#rope(config.localRope!, L);
      Object.assign(feeds, { cos_local: local.cos, sin_local: local.sin });
    }
    if (needsMask(this.variant)) Object.assign(feeds, this.#spelled(R, L));
    else {
      feeds['seqlens_k'] = new Tensor('int32', batch.lengths, [R]);
      feeds['total_length'] = new Tensor('int32', Int32Array.of(L), [1]);
    }
    return feeds;
  }

  /** cos and sin of at least so many positions, [positions, widened head / 2]. */
  #rope(rope: RopeConfig, length: number): { cos: Tensor; sin: Tensor } {
    const known = this.#angles.get(rope);
    if (known && known.positions >= length) return known;
    const positions = Math.max(512, 2 ** Math.ceil(Math.log2(length)));
    const frequencies = inverseFrequencies(this.config, rope);
    const half = paddedHead(this.config.headDim) / 2;
    const factor = rotaryFactor(rope);
    const [cos, sin] = [new Float32Array(positions * half), new Float32Array(positions * half)];
    for (let p = 0; p < positions; p++) {
      frequencies.forEach((frequency, i) => {
        const angle = Math.fround(p * frequency);
        cos[p * half + i] = factor * Math.cos(angle);
        sin[p * half + i] = factor * Math.sin(angle);
      });
    }
    const dims = [positions, half];
    const made = {
      positions,
      cos: new Tensor('float32', cos, dims),
      sin: new Tensor('float32', sin, dims),
    };
    this.#angles.set(rope, made);
    return made;
  }

  #spelled(R: number, L: number): Record<string, Tensor> {
    const { slidingWindow, slidingLayers } = this.config;
    const positions = BigInt64Array.from({ length: R * L }, (_, i) => BigInt(i % L));
    const mask = (window: number): Tensor => {
      const out = new Float32Array(L * L).fill(MASKED);
      for (let q = 0; q < L; q++) out.fill(0, q * L + Math.max(0, q - window + 1), q * L + q + 1);
      return new Tensor('float32', out, [1, 1, L, L]);
    };
    return {
      positions: new Tensor('int64', positions, [R, L]),
      path_mask: mask(L),
      ...(slidingLayers?.some(Boolean) ? { path_mask_sliding: mask(slidingWindow!) } : {}),
    };
  }

  async release(): Promise<void> {
    await this.#before;
    await this.session.release();
    await this.embedding.close();
  }
}
