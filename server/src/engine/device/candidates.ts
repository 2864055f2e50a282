import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join } from 'node:path';
import type { Provider } from '../../protocol/index.js';
import { env, listSupportedBackends } from '../../model/onnxruntime.js';

/** Execution providers that ONNX Runtime's binding has on a platform, as its files name them; the CPU last. */
export function candidates(os: string = platform(), processor: string = arch()): Provider[] {
  const of: Readonly<Record<string, readonly Provider[]>> = {
    'linux-x64': ['cuda', 'webgpu'],
    'win32-x64': ['dml', 'webgpu'],
    'win32-arm64': ['dml', 'webgpu'],
    'darwin-arm64': ['webgpu'],
  };
  return [...(of[`${os}-${processor}`] ?? []), 'cpu'];
}

/** The folder of ONNX Runtime's libraries, or undefined where it is not found. */
export function runtimeFolder(): string | undefined {
  try {
    const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
    const folder = join(root, 'bin', 'napi-v6', platform(), arch());
    return existsSync(folder) ? folder : undefined;
  } catch {
    return undefined;
  }
}

/** What `libonnxruntime.so.1` loads CUDA from, beside itself. */
export const CUDA_LIBRARIES = [
  'libonnxruntime_providers_shared.so',
  'libonnxruntime_providers_cuda.so',
] as const;

/** The version of ONNX Runtime, which CUDA's library must have too. */
export const runtimeVersion = (): string => env.versions.node ?? env.versions.common;

/**
 * Why this installation of ONNX Runtime cannot have a provider, or undefined. Its own list calls CUDA not
 * bundled even with the library beside it, so the files are looked at.
 */
export function lacking(provider: Provider): string | undefined {
  if (provider === 'cpu') return undefined;
  if (!candidates().includes(provider))
    return `ONNX Runtime has no ${provider} on ${platform()} ${arch()}`;
  if (provider === 'cuda') {
    const folder = runtimeFolder();
    const missing = CUDA_LIBRARIES.filter((name) => !folder || !existsSync(join(folder, name)));
    const verb = missing.length === 1 ? 'is' : 'are';
    return missing.length === 0 ? undefined : `${missing.join(' and ')} ${verb} not installed`;
  }
  return listSupportedBackends().some((b) => b.name === provider && b.bundled)
    ? undefined
    : 'this build of ONNX Runtime does not contain it';
}
