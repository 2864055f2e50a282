import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { arch, homedir, platform, release } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Provider } from '../../protocol/index.js';
import { CUDA_LIBRARIES, runtimeFolder, runtimeVersion } from './candidates.js';

const text = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/** Changes when a file is replaced. */
const mark = (path: string): string => {
  try {
    const { size, mtimeMs } = statSync(path);
    return `${path}:${size}:${mtimeMs}`;
  } catch {
    return `${path}:none`;
  }
};

/** Vulkan's list of drivers: https://github.com/KhronosGroup/Vulkan-Loader, LoaderDriverInterface. */
export function vulkanDrivers(): string[] {
  const named = process.env['VK_DRIVER_FILES'] ?? process.env['VK_ICD_FILENAMES'];
  if (named) return named.split(delimiter).filter((path) => path !== '');
  let home: string | undefined;
  try {
    home = homedir();
  } catch {
    // No home folder, no drivers of its own.
  }
  const folders = ['/etc/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/usr/share/vulkan/icd.d'];
  if (home !== undefined) folders.push(join(home, '.local/share/vulkan/icd.d'));
  return folders.flatMap((folder) => {
    const names = existsSync(folder) ? readdirSync(folder) : [];
    return names.filter((n) => n.endsWith('.json')).map((n) => join(folder, n));
  });
}

/** A driver that computes on the processor. */
export const isSoftware = (icd: string): boolean => /lvp|lavapipe|swiftshader/i.test(icd);

/** NVIDIA's driver, as its kernel module tells. */
export function nvidiaDriver(): string | undefined {
  return /Kernel Module\s+(?:for \S+\s+)?([\d.]+)/.exec(text('/proc/driver/nvidia/version'))?.[1];
}

/** Equal where the same libraries, drivers and cards are there: a probe's result holds as long. */
export function driverMark(provider: Provider): string {
  const marks = [provider, runtimeVersion(), platform(), arch(), release()];
  marks.push(text('/proc/driver/nvidia/version'));
  if (provider === 'cuda') {
    const folder = runtimeFolder() ?? '';
    marks.push(...CUDA_LIBRARIES.map((name) => mark(join(folder, name))));
    marks.push(process.env['LD_LIBRARY_PATH'] ?? '');
  } else if (platform() === 'linux') {
    marks.push(...vulkanDrivers().map(mark));
    const folders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64'];
    marks.push(...folders.map((folder) => mark(join(folder, 'libvulkan.so.1'))));
    marks.push(existsSync('/dev/dri') ? readdirSync('/dev/dri').sort().join() : '');
  } else if (platform() === 'win32') {
    marks.push(mark('C:\\Windows\\System32\\DriverStore\\FileRepository'));
  }
  return createHash('sha256').update(JSON.stringify(marks)).digest('hex').slice(0, 32);
}
