import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Safetensors, type TensorSource } from '../../checkpoint/safetensors.js';
import { joined, renamed } from '../../checkpoint/sources.js';

/** Heads that LDL-Reward keeps beside the weights, and what their tensors' names begin with. */
const SIDE = ['regression_layer', 'gating_layer'] as const;
const PICKLE = /\.(bin|pt|pth|ckpt|pkl|msgpack|h5)$/i;

/**
 * The tensors of a Hugging Face folder: model.safetensors or its shards, and heads in files of their own.
 * @throws Error naming the file that cannot be read, and what would help
 */
export async function openWeights(folder: string): Promise<TensorSource> {
  const names = await readdir(folder);
  const known = ['model.safetensors.index.json', 'model.safetensors'];
  if (!known.some((name) => names.includes(name))) throw noWeights(folder, names);
  const backbone = await Safetensors.openFolder(folder);
  try {
    refuseQuantised(backbone);
    const sides: TensorSource[] = [];
    for (const side of SIDE) {
      if (backbone.names().some((name) => name.startsWith(`${side}.`))) continue;
      const file = join(folder, `${side}.safetensors`);
      if (names.includes(`${side}.safetensors`)) {
        const tensors = await Safetensors.openFiles([file]);
        sides.push(renamed(tensors, (n) => (n.startsWith(`${side}.`) ? n : `${side}.${n}`)));
      } else if (names.includes(`${side}.pt`)) throw pickledHead(folder, side);
    }
    return sides.length > 0 ? joined([backbone, ...sides]) : backbone;
  } catch (error) {
    await backbone.close();
    throw error;
  }
}

function noWeights(folder: string, names: readonly string[]): Error {
  const pickle = names.filter((name) => PICKLE.test(name)).sort()[0];
  if (pickle !== undefined) {
    return new Error(
      `${join(folder, pickle)}: a pickle, which can run code when it is opened and is not read here. In Python, ` +
        `AutoModelForSequenceClassification.from_pretrained(${JSON.stringify(folder)}).save_pretrained("…") writes ` +
        `model.safetensors; for a model of the hub, its safetensors are often on a branch refs/pr/…`,
    );
  }
  const other = names.filter((name) => name.endsWith('.safetensors')).sort()[0];
  return new Error(
    `${folder}: no model.safetensors and no model.safetensors.index.json` +
      (other === undefined ? '' : `; ${other} alone is not known to hold a whole model`),
  );
}

function pickledHead(folder: string, side: string): Error {
  const file = join(folder, `${side}.pt`);
  return new Error(
    `${file}: a pickle, which can run code when it is opened and is not read here. Python writes it as safetensors ` +
      `beside it: python -c "import torch, safetensors.torch as s; ` +
      `s.save_file(torch.load('${side}.pt', weights_only=True), '${side}.safetensors')"`,
  );
}

/** AWQ and GPTQ pack their weights, fp8 stores them in a type of its own. */
function refuseQuantised(source: TensorSource): void {
  for (const name of source.names()) {
    const { dtype, file } = source.info(name);
    const packed = /\.(qweight|qzeros|weight_packed)$/.test(name);
    if (!packed && !/^F[468]_/.test(dtype)) continue;
    const what = packed ? 'packed by AWQ, GPTQ or the like' : `of type ${dtype}`;
    throw new Error(
      `${file}: tensor "${name}" is ${what}: quantised weights are not read here; ` +
        `take the original in float32, float16 or bfloat16, or a GGUF of it`,
    );
  }
}
