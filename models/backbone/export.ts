import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { openTrainBackbone } from '../../server/src/training/features/backbone.js';
import type { Encoded } from '../../server/src/training/features/extract.js';
import { planTraining } from '../../server/src/training/pipeline/plan.js';
import { readTrainConfig } from '../../server/src/training/config/read-config.js';

// What `finetune.py` reads: the sample that `qrm train` would take by a config, as tokens, one JSON a line.
// Held-out prompts are left out here, so that the backbone cannot have seen what the heads are judged on.
const [configFile, data, backbonePath, out] = process.argv.slice(2);
if (!configFile || !data || !backbonePath || !out) {
  throw new Error('usage: node dist/backbone-data.js CONFIG DATA BACKBONE.gguf OUT.jsonl');
}
const config = await readTrainConfig(configFile, { data, backbone: backbonePath });
const backbone = await openTrainBackbone(config.backbone, config.layer);
const plan = await planTraining({
  config,
  tokenizer: backbone.tokenizer,
  longest: Infinity,
  say: (line) => process.stderr.write(`${line}\n`),
  progress: () => undefined,
});
await backbone.close();
const file = createWriteStream(out);
const write = async (row: object): Promise<void> => {
  if (!file.write(`${JSON.stringify(row)}\n`)) await once(file, 'drain');
};
const tokens = ({ ids, reward, gate }: Encoded) => ({ ids, reward, gate });
for (const { chosen, rejected, source, heldOut } of plan.pairs) {
  if (heldOut) continue;
  const attributes = plan.attributesOf.get(source) ?? [];
  await write({ source, attributes, chosen: tokens(chosen), rejected: tokens(rejected) });
}
for (const [attribute, samples] of plan.attributes) {
  for (const { encoded, labels, source, heldOut } of samples) {
    if (heldOut) continue;
    const label = labels.reduce((a, b) => a + b, 0) / labels.length;
    await write({ source, attribute, label, response: tokens(encoded) });
  }
}
file.end();
await once(file, 'finish');
