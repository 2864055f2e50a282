// CUDA's provider of ONNX Runtime, and CUDA's headers, from PyPI: the wheel of the same version as onnxruntime-node.
import { createWriteStream, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import yauzl from 'yauzl';
import { Missing, must, once } from './cache.mjs';

const root = join(import.meta.dirname, '..', '..');
/** The version of the installed ONNX Runtime, which the provider must have too. */
export const VERSION = JSON.parse(
  readFileSync(join(root, 'node_modules', 'onnxruntime-node', 'package.json'), 'utf8'),
).version;
export const PROVIDERS = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'];

/** Writes the files of a wheel that `wanted(path)` gives a name in the folder. */
async function unpack(wheel, folder, wanted) {
  const zip = await yauzl.openPromise(wheel);
  let count = 0;
  for await (const entry of zip.eachEntry()) {
    const name = wanted(entry.fileName);
    if (name === undefined || entry.fileName.endsWith('/')) continue;
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(path));
    count++;
  }
  return count;
}

async function fromWheel(requirement, draft, wanted) {
  const python = process.env.QRM_PYTHON ?? 'python3';
  // Nothing of it is run: which Python it is for does not matter, Linux on x86-64 does.
  const kind = ['--only-binary=:all:', '--python-version', '3.12', '--implementation', 'cp'];
  const platforms = ['manylinux_2_28_x86_64', 'manylinux_2_17_x86_64', 'manylinux2014_x86_64'];
  const of = platforms.flatMap((name) => ['--platform', name]);
  console.log(`bringing ${requirement}…`);
  must(
    python,
    ['-m', 'pip', 'download', '--quiet', '--no-deps', ...kind, ...of, '-d', draft, requirement],
    `${requirement} could not be had from PyPI by ${python} -m pip (QRM_PYTHON names another Python)`,
  );
  const wheel = readdirSync(draft).find((name) => name.endsWith('.whl'));
  if ((await unpack(join(draft, wheel), draft, wanted)) === 0)
    throw new Missing(`${wheel} does not hold what it held before: look at scripts/gpu/cuda.mjs`);
  rmSync(join(draft, wheel));
}

/** The folder with both libraries and their licence; 250 MB are brought the first time. */
export const cudaProvider = () =>
  once(`onnxruntime-gpu-${VERSION}`, (draft) =>
    fromWheel(`onnxruntime-gpu==${VERSION}`, draft, (path) => {
      const name = path.split('/').at(-1);
      return PROVIDERS.includes(name) || /^(LICENSE|ThirdPartyNotices)/.test(name)
        ? name
        : undefined;
    }),
  );

/** The folder that holds cuda_runtime_api.h. */
export async function cudaHeaders() {
  const folder = await once('cuda-headers-13', async (draft) => {
    for (const name of ['nvidia-cuda-runtime==13.*', 'nvidia-cuda-crt==13.*'])
      await fromWheel(name, draft, (path) => /include\/(.*)$/.exec(path)?.[1]);
  });
  return folder;
}
