import { existsSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import type { Provider } from '../../protocol/index.js';
import { lacking, runtimeFolder, runtimeVersion } from './candidates.js';
import { nvidiaDriver } from './driver.js';

/** Python packages that CUDA's library needs beside it, at the versions of ONNX Runtime 1.30. */
const CUDA_PACKAGES = ['nvidia-cublas==13.*', 'nvidia-curand==10.*', 'nvidia-cuda-runtime==13.*'];

/** What the commands that bring CUDA's library are made of; undefined where there is no place for it. */
export interface CudaInstall {
  /** Where ONNX Runtime looks for its libraries. */
  readonly folder: string;
  /** Arguments of Python for the wheel of the same version. */
  readonly wheel: readonly string[];
  /** npm's own script, where it is there: it fetches the library from NuGet. */
  readonly script: string | undefined;
}

export function cudaInstall(): CudaInstall | undefined {
  const folder = runtimeFolder();
  if (folder === undefined || platform() !== 'linux' || arch() !== 'x64') return undefined;
  const script = join(folder, '../../../../script/install.js');
  return {
    folder,
    wheel: ['-m', 'pip', 'download', '--no-deps', `onnxruntime-gpu==${runtimeVersion()}`],
    script: existsSync(script) ? script : undefined,
  };
}

/** What to do for a provider that does not run: commands, any of them. */
export function fixFor(provider: Provider): readonly string[] {
  if (provider === 'cuda') return cudaFixes();
  if (provider !== 'webgpu') return ["install the GPU maker's current driver"];
  return platform() === 'linux'
    ? [
        'apt-get install libvulkan1, and a GPU driver with Vulkan (NVIDIA’s own, or mesa-vulkan-drivers)',
      ]
    : ["install the GPU maker's current driver"];
}

function cudaFixes(): string[] {
  const out: string[] = [];
  if (nvidiaDriver() === undefined)
    out.push('an NVIDIA driver is needed: apt-get install nvidia-driver');
  if (lacking('cuda') !== undefined) {
    const install = cudaInstall();
    out.push('qrm doctor --install-cuda, which asks before it does one of these:');
    if (install) {
      out.push(
        `python3 ${install.wheel.join(' ')} && python3 -m zipfile -e onnxruntime_gpu-*.whl w && ` +
          `cp w/onnxruntime/capi/libonnxruntime_providers_{shared,cuda}.so ${install.folder}`,
      );
      if (install.script)
        out.push(`(CUDA 12 and cuDNN 9) node ${install.script} --onnxruntime-node-install=cuda12`);
    }
  }
  out.push(
    `pip install ${CUDA_PACKAGES.map((name) => `'${name}'`).join(' ')}, and LD_LIBRARY_PATH on their lib folders`,
  );
  return out;
}
