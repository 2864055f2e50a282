import type { TensorSource } from './safetensors.js';
import { renamed } from './sources.js';

/** What other classes of transformers put before the names of the language model's tensors. */
const PREFIXES = ['model.language_model.', 'language_model.model.', 'language_model.', ''];

/**
 * The tensors under the names of a plain decoder, `model.layers.…`: the text part of a multimodal model
 * has a longer beginning, a bare backbone (`AutoModel`) none.
 */
export function withUsualNames<T extends TensorSource>(source: T): TensorSource {
  const table = 'embed_tokens.weight';
  if (source.has(`model.${table}`)) return source;
  const prefix = PREFIXES.find((p) => source.has(`${p}${table}`));
  if (prefix === undefined) return source;
  return renamed(source, (name) => {
    const own =
      prefix === '' ? /^(layers|norm|embed_tokens)\./.test(name) : name.startsWith(prefix);
    return own ? `model.${name.slice(prefix.length)}` : name;
  });
}
