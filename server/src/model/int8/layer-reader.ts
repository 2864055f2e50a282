import type { ModelConfig } from '../checkpoint/config.js';
import { rowReader, type TensorSource } from '../checkpoint/safetensors.js';
import { extraParts, type LayerWeights } from './calibration.js';
import type { Weights } from './layer-parts.js';

/** Reads a backbone's weights, layer by layer. */
export class LayerReader {
  constructor(
    private readonly source: TensorSource,
    readonly config: ModelConfig,
  ) {}

  /** A norm's weight; Gemma's with the 1 that they are stored without. */
  async norm(name: string): Promise<Float32Array> {
    const weight = await this.source.readFloat32(`${name}.weight`);
    if (this.config.normPlusOne) for (let i = 0; i < weight.length; i++) weight[i]! += 1;
    return weight;
  }

  /** As float32. */
  layer(layer: number): Promise<LayerWeights> {
    return this.#layer(layer, (name) => this.source.readFloat32(name));
  }

  /** As the file holds them, where it lets blocks be read. */
  stored(layer: number): Promise<LayerWeights<Weights>> {
    return this.#layer<Weights>(
      layer,
      (name) => this.source.readBlocks?.(name) ?? this.source.readFloat32(name),
    );
  }

  /** Rows of the embedding table, as the file holds them where it lets blocks be read. */
  embedding(): (from: number, to: number) => Promise<Weights> {
    const { source } = this;
    const name = 'model.embed_tokens.weight';
    return source.readBlocks
      ? (from, to) => source.readBlocks!(name, from, to)
      : rowReader(source, name);
  }

  /** Rows of the embedding table as the first layer takes them, float32 [ids, hidden]. */
  async embedded(ids: readonly number[]): Promise<Float32Array> {
    const { hiddenSize: H, embeddingScale: scale } = this.config;
    const table = rowReader(this.source, 'model.embed_tokens.weight');
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

  async #layer<Matrix>(
    layer: number,
    matrix: (name: string) => Promise<Matrix>,
  ): Promise<LayerWeights<Matrix>> {
    const p = `model.layers.${layer}`;
    const read = (name: string): Promise<Matrix> => matrix(`${p}.${name}.weight`);
    const extra: Record<string, Float32Array> = {};
    for (const part of extraParts(this.config)) {
      extra[part] = part.endsWith('bias')
        ? await this.source.readFloat32(`${p}.${part}`)
        : await this.norm(`${p}.${part.replace(/\.weight$/, '')}`);
    }
    const { sandwichNorms } = this.config;
    return {
      q: await read('self_attn.q_proj'),
      k: await read('self_attn.k_proj'),
      v: await read('self_attn.v_proj'),
      o: await read('self_attn.o_proj'),
      gate: await read('mlp.gate_proj'),
      up: await read('mlp.up_proj'),
      down: await read('mlp.down_proj'),
      attentionNorm: await this.norm(`${p}.input_layernorm`),
      mlpNorm: await this.norm(
        `${p}.${sandwichNorms ? 'pre_feedforward_layernorm' : 'post_attention_layernorm'}`,
      ),
      extra,
    };
  }
}
