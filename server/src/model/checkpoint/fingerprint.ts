import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { readRange, type TensorSource } from './safetensors.js';

const BLOCK = 4096;

/**
 * The identity of a checkpoint's content without reading gigabytes: SHA-256 over the given texts
 * (config, tokenizer, …) and, for every tensor in the order of names, its name, type, shape and bytes:
 * all of them for the heads and for small tensors, else 4 KiB at the start, middle and end. Training
 * changes all of a matrix, so a retrained tensor is seen; paths and times do not enter.
 */
export async function fingerprint(
  source: TensorSource,
  texts: Readonly<Record<string, string>>,
): Promise<string> {
  const hash = createHash('sha256');
  for (const [name, text] of Object.entries(texts).sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name}:${Buffer.byteLength(text)}:${text}`);
  }
  const handles = new Map<string, FileHandle>();
  try {
    for (const name of source.names().sort()) {
      const { dtype, shape, file, offset, byteLength } = source.info(name);
      hash.update(`${name}:${dtype}:${shape.join('x')}:${byteLength}:`);
      let handle = handles.get(file);
      if (!handle) handles.set(file, (handle = await open(file, 'r')));
      const whole =
        byteLength <= 4 * BLOCK || /^(regression_layer|gating|reward_|score)/.test(name);
      const starts = whole ? [0] : [0, Math.floor((byteLength - BLOCK) / 2), byteLength - BLOCK];
      for (const start of starts) {
        const length = whole ? byteLength : BLOCK;
        hash.update(await readRange(handle, offset + start, length, `${file}, tensor "${name}"`));
      }
    }
  } finally {
    for (const handle of handles.values()) await handle.close();
  }
  return hash.digest('hex').slice(0, 32);
}
