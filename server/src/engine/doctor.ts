import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { arch, availableParallelism, cpus, platform, release } from 'node:os';
import { env } from '../model/onnxruntime.js';
import { forkWorker } from './worker-process.js';
import type { FromEvaluator, Provider, ToEvaluator } from './messages.js';
import { nativeKernels } from './native.js';
import { candidates, isBuiltIn } from './providers.js';

export interface ProviderReport {
  readonly name: Provider;
  readonly available: boolean;
  readonly chosen: boolean;
  /** Why it is used, or why not. */
  readonly reason: string;
  /** The command that would make it available. */
  readonly fix?: string;
}

export interface DoctorReport {
  readonly platform: string;
  readonly node: string;
  readonly onnxruntime: string;
  readonly cpu: string;
  readonly threads: number;
  readonly providers: readonly ProviderReport[];
  /** What int8 models run on when the provider is the CPU, and why. */
  readonly int8: string;
}

/** onnxruntime-node fetches CUDA's library only when asked to; it is 300 MB, and the extension leaves it out. */
function cudaFix(): string {
  const script = fileURLToPath(
    new URL('../node_modules/onnxruntime-node/script/install.js', import.meta.url),
  );
  return existsSync(script)
    ? `node ${script} (needs an NVIDIA driver, CUDA 12 or 13 and cuDNN 9)`
    : 'webgpu runs on the same GPU; the extension comes without the library of CUDA (300 MB), which qrm from a clone of the repository can use';
}

/** Which execution provider is used on this machine, and why not the others. */
export async function doctor(): Promise<DoctorReport> {
  const providers: ProviderReport[] = [];
  let chosen = false;
  for (const name of candidates()) {
    const error: string | undefined = await probeApart(name);
    const available = error === undefined;
    const use: boolean = available && !chosen;
    chosen ||= use;
    const reason = available
      ? use
        ? 'the first of this list that runs a small model right'
        : 'runs, but one above it is preferred'
      : error;
    const fix = available ? undefined : fixFor(name);
    providers.push({ name, available, chosen: use, reason, ...(fix ? { fix } : {}) });
  }
  return {
    platform: `${platform()} ${arch()} ${release()}`,
    node: process.versions.node,
    onnxruntime: env.versions.node ?? env.versions.common,
    cpu: cpus()[0]?.model.trim() ?? 'unknown CPU',
    threads: availableParallelism(),
    providers,
    int8: int8Kernels(),
  };
}

function int8Kernels(): string {
  const native = nativeKernels();
  return 'kernels' in native
    ? 'own kernels, on the AMX units of this processor'
    : `ONNX Runtime; not our own kernels: ${native.reason}`;
}

function fixFor(name: Provider): string | undefined {
  if (name === 'cuda') return cudaFix();
  if (name !== 'webgpu') return undefined;
  return platform() === 'linux'
    ? 'apt-get install libvulkan1 and a GPU driver with Vulkan (mesa-vulkan-drivers or NVIDIA)'
    : "install the GPU maker's current driver";
}

/** In a process of its own: a driver that crashes must not take us with it. */
function probeApart(provider: Provider): Promise<string | undefined> {
  if (!isBuiltIn(provider)) {
    return Promise.resolve('this build of ONNX Runtime does not contain it');
  }
  return new Promise((resolve) => {
    const child = forkWorker();
    const timer = setTimeout(() => finish('it did not answer within 60 s'), 60_000);
    const finish = (error: string | undefined): void => {
      clearTimeout(timer);
      child.removeAllListeners();
      child.kill('SIGKILL');
      resolve(error);
    };
    child.on('message', (m: FromEvaluator) => m.type === 'probed' && finish(m.error));
    child.once('exit', (code, signal) =>
      finish(`loading it ended the process (${signal ?? code})`),
    );
    child.once('error', (error) => finish(error.message));
    child.send({ type: 'probe', provider } satisfies ToEvaluator);
  });
}
