import { spawn } from 'node:child_process';
import { copyFile, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { cudaFiles } from '../../engine.js';
import { EXIT, UsageError } from '../../errors.js';

/** Takes the two libraries out of the wheel: all of it is three times as large. */
const UNPACK = `
import sys, zipfile
folder, *names = sys.argv[1:]
import glob, os
with zipfile.ZipFile(glob.glob(os.path.join(folder, '*.whl'))[0]) as wheel:
    for name in names:
        with wheel.open('onnxruntime/capi/' + name) as source, open(os.path.join(folder, name), 'wb') as out:
            while piece := source.read(1 << 20): out.write(piece)
`;

/**
 * Brings CUDA's library for ONNX Runtime, after asking: from PyPI's wheel of the same version, else by
 * npm's own script from NuGet.
 * @returns the exit code
 * @throws UsageError where there is no place for it, or nobody to ask
 */
export async function installCuda(yes: boolean): Promise<number> {
  const { install, libraries } = await cudaFiles();
  if (install === undefined) {
    throw new UsageError('--install-cuda: ONNX Runtime has CUDA on Linux x86-64 only');
  }
  const question =
    `Download about 250 MB (onnxruntime-gpu of the same version, from PyPI; else from NuGet) and put\n` +
    `${libraries.join(' and ')} into\n${install.folder}? [y/N] `;
  if (!yes && !(await agreed(question))) return EXIT.ok;
  const folder = await mkdtemp(join(tmpdir(), 'qrm-cuda-'));
  try {
    if (await run('python3', [...install.wheel, '-d', folder])) {
      if (!(await run('python3', ['-c', UNPACK, folder, ...libraries]))) return EXIT.unreadable;
      for (const name of libraries) {
        // Whole or not at all: a half of it would be loaded.
        const part = join(install.folder, `${name}.part`);
        await copyFile(join(folder, name), part);
        await rename(part, join(install.folder, name));
      }
    } else if (
      install.script === undefined ||
      !(await run(process.execPath, [install.script, '--onnxruntime-node-install=cuda12']))
    ) {
      process.stderr.write('qrm: neither PyPI nor NuGet gave it; nothing was changed\n');
      return EXIT.unreadable;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  process.stderr.write('CUDA’s library is there; what it needs besides is told below.\n');
  return EXIT.ok;
}

async function agreed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new UsageError('--install-cuda: no terminal to ask on; give --yes');
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await ask.question(question);
  ask.close();
  return /^y(es)?$/i.test(answer.trim());
}

/** Did the program run and end well? Its words are the user's. */
function run(program: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
}
