// The licences of everything that a package ships, as their terms ask: what went into the bundles (esbuild's
// metafile), the packages that are shipped whole, what their native libraries hold, and the embedded model.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const LEGAL = /^(licen[cs]e|notice|copying|third-?party-?notices?)/i;
const RULE = `\n${'-'.repeat(80)}\n\n`;

/** The MIT licence's text, for packages that name it and hold no file of it. */
const MIT = (holder) => `MIT License

Copyright (c) ${holder}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

/** Folders of the packages that files of a bundle come from. */
export function bundledPackages(inputs) {
  const folders = inputs.map((path) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(path)?.[0]);
  return [...new Set(folders.filter((folder) => folder !== undefined))];
}

/** Folders of the packages inside a node_modules folder, by name. */
export function packagesIn(modules) {
  return readdirSync(modules).flatMap((name) =>
    name.startsWith('@')
      ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`)
      : [name],
  );
}

function packageNotice(folder) {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const { name, version, license } = manifest;
  const texts = readdirSync(folder)
    .filter((file) => LEGAL.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8').trim());
  if (texts.length === 0 && license === 'MIT') {
    const { author } = manifest;
    texts.push(
      MIT((typeof author === 'string' ? author : author?.name) ?? `the authors of ${name}`),
    );
  }
  if (texts.length === 0)
    throw new Error(`${folder}: no licence text, and its licence is ${license}`);
  return `${name} ${version}\n\n${texts.join('\n\n')}\n`;
}

/**
 * @param root the repository
 * @param inputs paths of all files in the bundles, relative to `root`
 * @param shipped a node_modules folder that is shipped
 */
export function thirdPartyNotices(root, inputs, shipped, target) {
  const notices = new Map();
  const add = (title, text) => notices.set(title, `${title}\n\n${text.trim()}\n`);
  const text = (...path) => readFileSync(join(root, ...path), 'utf8');
  for (const folder of bundledPackages(inputs)) {
    const notice = packageNotice(join(root, folder));
    notices.set(notice.split('\n', 1)[0], notice);
  }
  for (const name of packagesIn(shipped)) {
    const here = join(root, 'node_modules', name);
    const notice = packageNotice(existsSync(here) ? here : join(shipped, name));
    notices.set(notice.split('\n', 1)[0], notice);
  }
  const { version } = JSON.parse(text('node_modules', 'onnxruntime-node', 'package.json'));
  const own = join('scripts', 'package', 'notices', `onnxruntime-${version}.txt`);
  if (!existsSync(join(root, own))) {
    throw new Error(`${own} is missing: ThirdPartyNotices.txt of ONNX Runtime ${version}`);
  }
  add(
    `ONNX Runtime ${version} (native library)`,
    text('scripts', 'package', 'notices', 'onnxruntime-LICENSE.txt'),
  );
  add(`What ONNX Runtime ${version} contains`, text(own));
  const lmdb = join('node_modules', 'lmdb', 'dependencies');
  const liblmdb = join(lmdb, 'lmdb', 'libraries', 'liblmdb');
  add('LMDB (in lmdb)', `${text(liblmdb, 'COPYRIGHT')}\n\n${text(liblmdb, 'LICENSE')}`);
  add('LZ4 (in lmdb)', text(lmdb, 'lz4', 'lib', 'LICENSE'));
  add(
    'SmolLM2-135M-Instruct (embedded model: backbone and tokenizer)',
    text('models', 'default', 'LICENSE'),
  );
  if (target.os === 'win32') {
    add(
      'DirectML and DirectX Shader Compiler (beside ONNX Runtime)',
      'Microsoft Corporation: redistributable under the licence of the Microsoft.AI.DirectML package, and the University of Illinois/NCSA and LLVM licences of DirectXShaderCompiler.',
    );
  }
  return `QRM Lens contains what is listed here, under these licences.${RULE}${[...notices.values()].join(RULE)}`;
}
