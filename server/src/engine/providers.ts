import { platform } from 'node:os';
import { listSupportedBackends } from '../model/onnxruntime.js';
import type { Device, Provider } from './messages.js';
import { probe } from './probe.js';

/** Execution providers that can exist on this platform, the one to prefer first. */
export function candidates(os: NodeJS.Platform = platform()): Provider[] {
  if (os === 'darwin') return ['webgpu', 'coreml', 'cpu'];
  if (os === 'win32') return ['cuda', 'webgpu', 'dml', 'cpu'];
  return ['cuda', 'webgpu', 'cpu'];
}

/** Whether the installed ONNX Runtime was built with a provider. */
export function isBuiltIn(provider: Provider): boolean {
  return (
    listSupportedBackends().some((b) => b.name === provider && b.bundled) || provider === 'cpu'
  );
}

/**
 * The provider for a device: the one named, or the first that truly runs a small model right.
 * @throws Error when the one named does not
 */
export async function chooseProvider(device: Device): Promise<Provider> {
  if (device === 'cpu') return device;
  if (device !== 'auto') {
    const error = await probe(device);
    if (error !== undefined) throw new Error(`device ${device}: ${error} (see qrm doctor)`);
    return device;
  }
  for (const provider of candidates()) {
    if (provider === 'cpu') return provider;
    if ((await probe(provider)) === undefined) return provider;
  }
  return 'cpu';
}
