// The built project in a folder that stands alone, with CUDA's provider beside ONNX Runtime: what runs without a GPU here
// and what is carried to a machine that has one are the same files.
import { copyFileSync, cpSync, linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stageNatives, TARGETS } from '../package/natives.mjs';
import { PROVIDERS } from './cuda.mjs';

const root = join(import.meta.dirname, '..', '..');
const TARGET = TARGETS['linux-x64'];
/** Besides dist/ and its packages: what the checks and the bench read. */
const READ = [
  'test/fixtures/golden',
  'test/bench/peers',
  'test/bench/GPU.md',
  'examples/hh-harmless.jsonl.gz',
  'models/default/tokenizer.json',
  'models/default/tokenizer_config.json',
  'LICENSE',
];

/** A file that is large and never written: a second name for it where the disk allows. */
function link(from, to) {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

/**
 * @param {string} folder empty
 * @param {string} provider the folder of CUDA's provider
 */
export function stage(folder, provider) {
  cpSync(join(root, 'dist'), join(folder, 'dist'), {
    recursive: true,
    filter: (path) => !/\.map$|webview|client\.cjs/.test(path),
  });
  stageNatives(join(root, 'node_modules'), join(folder, 'node_modules'), TARGET);
  const libraries = join(folder, 'node_modules/onnxruntime-node/bin/napi-v6/linux/x64');
  for (const name of PROVIDERS) link(join(provider, name), join(libraries, name));
  for (const path of READ) cpSync(join(root, path), join(folder, path), { recursive: true });
  copyFileSync(join(import.meta.dirname, 'run.sh'), join(folder, 'run.sh'));
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  mkdirSync(join(folder, 'out'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version, type: 'module' }));
}
