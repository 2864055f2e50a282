/** How a stored tensor differs from Hugging Face's. */
export type Change =
  /** llama.cpp interleaves the rows of each head's query and key for its rotary embedding. */
  | 'query-rows'
  | 'key-rows'
  /** llama.cpp stores Gemma's norm weights with the 1 added that the model adds. */
  | 'plus-one';

export interface HfTensor {
  readonly name: string;
  readonly change?: Change;
}

/** Maps: a tensor's name comes from a file, and must not meet an object's own properties. */
const PARTS: ReadonlyMap<string, string> = new Map([
  ['attn_q', 'self_attn.q_proj'],
  ['attn_k', 'self_attn.k_proj'],
  ['attn_v', 'self_attn.v_proj'],
  ['attn_output', 'self_attn.o_proj'],
  ['ffn_gate', 'mlp.gate_proj'],
  ['ffn_up', 'mlp.up_proj'],
  ['ffn_down', 'mlp.down_proj'],
  ['attn_norm', 'input_layernorm'],
]);
/** What a GGUF's architecture changes. Mistral's is that of Llama. */
interface Layout {
  /** `ffn_norm` is another tensor where there are norms after attention and MLP. */
  readonly norms: ReadonlyMap<string, string>;
  /** llama.cpp interleaves rows of query and key. */
  readonly interleaved?: boolean;
  /** Norms are stored with 1 added. */
  readonly plusOne?: boolean;
}

const PLAIN: ReadonlyMap<string, string> = new Map([['ffn_norm', 'post_attention_layernorm']]);
const BY_HEAD: readonly (readonly [string, string])[] = [
  ['attn_q_norm', 'self_attn.q_norm'],
  ['attn_k_norm', 'self_attn.k_norm'],
];
const SANDWICH: readonly (readonly [string, string])[] = [
  ['post_attention_norm', 'post_attention_layernorm'],
  ['ffn_norm', 'pre_feedforward_layernorm'],
  ['post_ffw_norm', 'post_feedforward_layernorm'],
];
const LAYOUTS: ReadonlyMap<string, Layout> = new Map<string, Layout>([
  ['llama', { norms: PLAIN, interleaved: true }],
  ['qwen2', { norms: PLAIN }],
  ['qwen3', { norms: new Map([...PLAIN, ...BY_HEAD]) }],
  ['gemma', { norms: PLAIN, plusOne: true }],
  ['gemma2', { norms: new Map(SANDWICH), plusOne: true }],
  ['gemma3', { norms: new Map([...SANDWICH, ...BY_HEAD]), plusOne: true }],
]);

/** Values of `general.architecture` that are read. */
export const GGUF_ARCHITECTURES: readonly string[] = [...LAYOUTS.keys()];

/** Frequencies of the rotary embedding: they belong to the config. */
export const ROPE_FREQS = 'rope_freqs.weight';

/**
 * The Hugging Face name of a GGUF's tensor, and what undoes llama.cpp's conversion.
 * Undefined for a tensor that the architecture does not have.
 */
export function hfTensor(architecture: string, name: string): HfTensor | undefined {
  const layout = LAYOUTS.get(architecture);
  const norm = layout?.plusOne ? 'plus-one' : undefined;
  if (name === 'token_embd.weight') return { name: 'model.embed_tokens.weight' };
  if (name === 'output.weight') return { name: 'lm_head.weight' };
  if (name === 'output_norm.weight') return { name: 'model.norm.weight', change: norm };
  // gguf-py's names of the head of a `*ForSequenceClassification`.
  const head = /^cls\.output\.(weight|bias)$/.exec(name)?.[1];
  if (head !== undefined) return { name: `score.${head}` };
  const match = /^blk\.(\d+)\.([a-z_]+)\.(weight|bias)$/.exec(name);
  if (match === null) return undefined;
  const [, layer, part, kind] = match as unknown as [string, string, string, string];
  const found = PARTS.get(part) ?? layout?.norms.get(part);
  if (found === undefined) return undefined;
  let change: Change | undefined;
  if (part.endsWith('norm')) change = norm;
  else if (layout?.interleaved && part === 'attn_q') change = 'query-rows';
  else if (layout?.interleaved && part === 'attn_k') change = 'key-rows';
  return { name: `model.layers.${layer}.${found}.${kind}`, change };
}

/**
 * Puts a head's rows back: stored row 2i + j of a head is Hugging Face's row j * headDim/2 + i.
 * The inverse of `LlamaModel.permute` in llama.cpp's convert_hf_to_gguf.py.
 * @param bytes whole rows as stored
 */
export function unpermuteRows(bytes: Uint8Array, heads: number, rows: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  const size = bytes.length / rows;
  const headDim = rows / heads;
  for (let row = 0; row < rows; row++) {
    const inHead = row % headDim;
    const to = row - inHead + (inHead % 2) * (headDim / 2) + (inHead >> 1);
    out.set(bytes.subarray(row * size, (row + 1) * size), to * size);
  }
  return out;
}
