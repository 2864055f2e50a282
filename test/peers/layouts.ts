// layouts.mjs runs this: FOLDER of tiny checkpoints with what transformers computes from them (expected.json).
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../server/src/errors.js';
import { openModel } from '../../server/src/model/bundle/bundle.js';
import { settingsOf } from '../../server/src/model/checkpoint/config.js';
import { applyHeads } from '../../server/src/model/heads/heads-math.js';
import { runBackbone } from '../unit/model/run-backbone.js';
import { cosine } from '../unit/engine/cosine.js';

interface Case {
  readonly messages: { readonly role: string; readonly content: string }[];
  readonly input_ids: number[];
  readonly reward_position: number;
  readonly last_hidden: number[];
  readonly labels: number[];
}

/** The largest difference, in units of the tolerance: 1e-4 of the number, or 1e-5. */
function off(found: ArrayLike<number>, expected: readonly number[]): number {
  return expected.reduce((most, e, i) => {
    const d = Math.abs(found[i]! - e) / Math.max(1e-5, 1e-4 * Math.abs(e));
    return Number.isNaN(d) ? Infinity : Math.max(most, d);
  }, 0);
}

const work = mkdtempSync(join(tmpdir(), 'qrm-layouts-'));
let failed = 0;
const [root = ''] = process.argv.slice(2);
for (const name of readdirSync(root).sort()) {
  const folder = join(root, name);
  const cacheFolder = join(work, name);
  const read = (file: string): Record<string, unknown> =>
    JSON.parse(readFileSync(join(folder, file), 'utf8')) as Record<string, unknown>;
  try {
    const cases = read('expected.json')['cases'] as Case[];
    const { pad_token_id: pad } = settingsOf(read('config.json')) as { pad_token_id?: number };
    const float32 = await openModel(folder, { precision: 'float32', cacheFolder });
    const int8 = await openModel(folder, { precision: 'int8', cacheFolder });
    let [hidden, labels, least] = [0, 0, 1];
    for (const c of cases) {
      const last = c.messages.length - 1;
      const options = { gated: false, ...(pad == null ? {} : { skipped: pad }) };
      const [path] = float32.tokenizer.paths(c.messages, [last], float32.maxTokens, options);
      if (!path || 'error' in path) throw new Error(path?.error ?? 'no path');
      if (path.ids.join() !== c.input_ids.join()) throw new Error('other ids');
      if (path.reward !== c.reward_position) throw new Error(`reads token ${path.reward}`);
      const at = [c.reward_position];
      const state = await runBackbone(float32.backbonePath, float32.config, c.input_ids, at);
      hidden = Math.max(hidden, off(state, c.last_hidden));
      labels = Math.max(labels, off(applyHeads(float32.heads, state, state).raw, c.labels));
      const small = await runBackbone(int8.backbonePath, int8.config, c.input_ids, at);
      least = Math.min(least, cosine(small, c.last_hidden));
    }
    const bad = hidden > 1 || labels > 1 || least < 0.99;
    if (bad) failed++;
    const figures = `hidden ${hidden.toFixed(2)}, labels ${labels.toFixed(2)} of the tolerance, int8 cosine ${least.toFixed(4)}`;
    console.log(`${bad ? 'FAILED ' : ''}${name}: ${figures}`);
  } catch (error) {
    failed++;
    console.log(`FAILED ${name}: ${messageOf(error)}`);
  }
  rmSync(cacheFolder, { recursive: true, force: true });
}
rmSync(work, { recursive: true });
console.log(failed === 0 ? 'all agree' : `${failed} differ`);
process.exit(failed === 0 ? 0 : 1);
