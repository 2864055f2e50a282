// npm run check:gpu -- pack [FOLDER]: Node, the built project, CUDA's provider and the checks in pieces that can be carried
// one by one to a machine with a card, a driver, Python with PyTorch, and no network.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { once as happens } from 'node:events';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { cudaProvider } from './cuda.mjs';
import { stage } from './stage.mjs';

/** Bytes of a piece: below 60 MiB with room for what travels beside it. */
const PIECE = 50 << 20;

const UNPACK = `#!/bin/sh
# sh unpack.sh FOLDER: puts the pieces beside this file together, once all are here; then sh FOLDER/run.sh cuda
here=$(cd "$(dirname "$0")" && pwd)
test -n "$1" || { echo "sh unpack.sh FOLDER" >&2; exit 2; }
cd "$here" && sha256sum --quiet -c pieces.sha256 || { echo "not all pieces are here, or one is damaged" >&2; exit 1; }
cd - >/dev/null && mkdir -p "$1" && cat "$here"/piece-* | tar -xz -C "$1"
`;

/** Splits a stream into files of PIECE bytes. */
async function split(stream, folder) {
  const names = [];
  const sums = [];
  let [file, left, hash] = [undefined, 0, undefined];
  const end = () => {
    if (file === undefined) return;
    closeSync(file);
    sums.push(hash.digest('hex'));
  };
  for await (const chunk of stream) {
    for (let at = 0; at < chunk.length;) {
      if (left === 0) {
        end();
        names.push(`piece-${String(names.length).padStart(2, '0')}`);
        file = openSync(join(folder, names.at(-1)), 'w');
        [left, hash] = [PIECE, createHash('sha256')];
      }
      const part = chunk.subarray(at, at + left);
      writeSync(file, part);
      hash.update(part);
      at += part.length;
      left -= part.length;
    }
  }
  end();
  return names.map((name, i) => ({ name, sum: sums[i] }));
}

/** @param {string} folder where the pieces go; what lies there is removed */
export async function pack(folder) {
  const work = mkdtempSync(join(tmpdir(), 'qrm-pack-'));
  try {
    stage(work, await cudaProvider());
    copyFileSync(process.execPath, join(work, 'node'));
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const tar = spawn('tar', ['-cz', '-C', work, '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = happens(tar, 'close');
    const pieces = await split(tar.stdout, folder);
    const [code] = await ended;
    if (code !== 0) throw new Error(`tar ended with ${code}`);
    writeFileSync(
      join(folder, 'pieces.sha256'),
      pieces.map(({ name, sum }) => `${sum}  ${name}\n`).join(''),
    );
    writeFileSync(join(folder, 'unpack.sh'), UNPACK);
    for (const { name } of pieces) {
      const path = join(folder, name);
      console.log(`${relative('.', path)}: ${(statSync(path).size / 2 ** 20).toFixed(1)} MiB`);
    }
    console.log(
      `Carry them with unpack.sh and pieces.sha256; there: sh unpack.sh DIR, sh DIR/run.sh cuda, sh DIR/run.sh bench`,
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
