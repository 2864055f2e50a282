import type { ModelConfig } from '../checkpoint/config.js';
import type { TensorSource } from '../checkpoint/safetensors.js';
import { Journal, type JournalOptions } from './journal.js';
import { TensorFileWriter, type TensorIndex } from './tensor-file.js';

export interface ConvertOptions {
  /** Called with the fraction done, 0..1. */
  readonly onProgress?: (fraction: number) => void;
  readonly signal?: AbortSignal;
  /** Given where a conversion that was killed is gone on with. */
  readonly journal?: JournalOptions;
}

/**
 * Writes every weight of a backbone as float32 in Hugging Face's layout [out, in]; Gemma's norms with
 * their +1 applied.
 */
export async function convertFloat32(
  source: TensorSource,
  config: ModelConfig,
  path: string,
  file: string,
  options: ConvertOptions = {},
): Promise<TensorIndex> {
  const names = source.names().filter((n) => isBackboneTensor(n, config));
  const journal = options.journal && (await Journal.open(path, options.journal));
  const writer = await TensorFileWriter.create(path, file, journal?.step);
  try {
    for (const [i, name] of names.entries()) {
      if (i < (journal?.step?.done ?? 0)) continue;
      options.signal?.throwIfAborted();
      const data = await source.readFloat32(name);
      if (config.normPlusOne && /norm\.weight$/.test(name))
        for (let j = 0; j < data.length; j++) data[j]! += 1;
      await writer.add(name, 'float32', source.info(name).shape, data);
      if (journal?.due) await journal.note({ done: i + 1, ...(await writer.written()) });
      options.onProgress?.((i + 1) / names.length);
    }
    await journal?.end();
  } finally {
    await writer.close();
  }
  return writer.index;
}

function isBackboneTensor(name: string, config: ModelConfig): boolean {
  if (name === 'model.embed_tokens.weight' || name === 'model.norm.weight') return true;
  const layer = /^model\.layers\.(\d+)\./.exec(name);
  return layer !== null && Number(layer[1]) < config.layers;
}
