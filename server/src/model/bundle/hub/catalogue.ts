/** A reward model on the hub whose layout is one that runs here. Sizes follow from its layout. */
export interface KnownModel {
  readonly name: string;
  readonly attributes: number;
  /** Quantile levels; 1 is one number a response. */
  readonly levels: number;
  /** Weights without an output layer, which a reward model lacks; those of the embedding table. */
  readonly weights: number;
  readonly embedding: number;
  /** As its card names it; of Skywork's second series, as the README of SkyworkAI/Skywork-Reward-V2 says for all of them. */
  readonly licence: string;
}

const skywork = (
  base: string,
  weights: number,
  embedding: number,
  licence: string,
): KnownModel => ({
  name: `Skywork/Skywork-Reward-V2-${base}`,
  attributes: 1,
  levels: 1,
  weights,
  embedding,
  licence,
});

/** From small to large. */
export const CATALOGUE: readonly KnownModel[] = [
  skywork('Qwen3-0.6B', 0.596, 0.156, 'apache-2.0'),
  skywork('Llama-3.2-1B', 1.236, 0.263, 'llama3.2'),
  skywork('Qwen3-1.7B', 1.721, 0.311, 'apache-2.0'),
  skywork('Llama-3.2-3B', 3.213, 0.394, 'llama3.2'),
  skywork('Qwen3-4B', 4.022, 0.389, 'apache-2.0'),
  skywork('Llama-3.1-8B', 7.505, 0.525, 'llama3.1'),
  skywork('Qwen3-8B', 7.568, 0.622, 'apache-2.0'),
  {
    name: 'nicolinho/QRM-Llama3.1-8B-v2',
    attributes: 9,
    levels: 19,
    weights: 7.51,
    embedding: 0.525,
    licence: 'llama3',
  },
  {
    name: 'RLHFlow/ArmoRM-Llama3-8B-v0.1',
    attributes: 19,
    levels: 1,
    weights: 7.51,
    embedding: 0.525,
    licence: 'llama3',
  },
  {
    name: 'Skywork/Skywork-Reward-Gemma-2-27B-v0.2',
    attributes: 1,
    levels: 1,
    weights: 27.23,
    embedding: 1.18,
    licence: 'skywork-community',
  },
];

export interface Cost {
  /** The download, in bytes: bfloat16. */
  readonly download: number;
  /** Memory while it runs, in bytes. */
  readonly float32: number;
  readonly int8: number;
}

/** What a model costs: int8 keeps the embedding table in float32, a few per cent are buffers. */
export function costOf({ weights, embedding }: KnownModel): Cost {
  const bytes = (billions: number): number => Math.round(1.05e9 * billions);
  return {
    download: Math.round(2e9 * weights),
    float32: bytes(4 * weights),
    int8: bytes(weights - embedding + 4 * embedding),
  };
}
