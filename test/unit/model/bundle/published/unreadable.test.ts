import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openModel } from '../../../../../server/src/model/bundle/bundle.js';
import { editJson, Workspace } from '../../workspace.js';

const work = new Workspace();
const cacheFolder = work.fresh('cache');

/** Other texts of the same length in the header of the weights. */
function rewrite(folder: string, changes: Record<string, string>): void {
  const path = join(folder, 'model.safetensors');
  const bytes = readFileSync(path);
  for (const [from, to] of Object.entries(changes)) {
    if (from.length !== to.length) throw new Error(`${from} and ${to} differ in length`);
    const at = bytes.indexOf(from);
    if (at < 0) throw new Error(`no ${from} in ${path}`);
    bytes.write(to, at);
  }
  writeFileSync(path, bytes);
}

/** Every message names the file, and says what would help. */
describe('what cannot be read is named, with what would help', () => {
  it.each<[string, (folder: string) => void, RegExp]>([
    [
      'weights as a pickle',
      (f) => renameSync(join(f, 'model.safetensors'), join(f, 'pytorch_model.bin')),
      /pytorch_model\.bin: a pickle, which can run code.*save_pretrained.*model\.safetensors/,
    ],
    [
      'weights as sharded pickles',
      (f) => renameSync(join(f, 'model.safetensors'), join(f, 'pytorch_model-00001-of-00002.bin')),
      /pytorch_model-00001-of-00002\.bin: a pickle/,
    ],
    [
      'a value head whose name says nothing',
      (f) => rewrite(f, { '"score.weight"': '"v_head.weigh"' }),
      /model\.safetensors: no reward head.*"v_head\.weigh" is not read here.*saved again as "score\.weight"/,
    ],
    [
      'fp8, said in config.json',
      (f) =>
        editJson(join(f, 'config.json'), (j) => {
          j['quantization_config'] = { quant_method: 'fp8', weight_block_size: [128, 128] };
        }),
      /config\.json: the weights are quantised \(fp8\).*take the original in float32/,
    ],
    [
      'fp8, seen in the file alone',
      (f) => {
        const path = join(f, 'model.safetensors');
        const bytes = readFileSync(path);
        const length = Number(bytes.readBigUInt64LE());
        const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<
          string,
          { dtype: string; shape: number[]; data_offsets: [number, number] }
        >;
        header['model.norm.weight']!.dtype = 'F8_E4M3';
        const text = Buffer.from(JSON.stringify(header));
        const size = Buffer.alloc(8);
        size.writeBigUInt64LE(BigInt(text.length));
        writeFileSync(path, Buffer.concat([size, text, bytes.subarray(8 + length)]));
      },
      /model\.safetensors: tensor "model\.norm\.weight" is of type F8_E4M3: quantised.*or a GGUF of it/,
    ],
    ...(['awq', 'gptq'] as const).map((method): [string, (folder: string) => void, RegExp] => [
      method,
      (f) =>
        editJson(join(f, 'config.json'), (j) => {
          j['quantization_config'] = { quant_method: method, bits: 4 };
        }),
      new RegExp(`config\\.json: the weights are quantised \\(${method}\\)`),
    ]),
    [
      'packed weights without a word in config.json',
      (f) => rewrite(f, { 'layers.0.mlp.up_proj.weight': 'layers.0.mlp.up_pro.qweight' }),
      /model\.safetensors: tensor "model\.layers\.0\.mlp\.up_pro\.qweight" is packed by AWQ, GPTQ/,
    ],
    [
      'a model type that is not known',
      (f) => editJson(join(f, 'config.json'), (j) => (j['model_type'] = 'internlm2')),
      /config\.json: "model_type" is "internlm2"; supported: one of llama, mistral/,
    ],
  ])('%s', async (_, damage, expected) => {
    const folder = work.copyOf('llama3-bt');
    damage(folder);
    await expect(openModel(folder, { cacheFolder })).rejects.toThrow(expected);
  });
});
