import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Provider } from '../../protocol/index.js';

/** A graphics card, as far as the system tells. */
export interface Adapter {
  readonly name: string;
  readonly driver?: string;
  /** Bytes. */
  readonly free?: number;
  readonly total?: number;
}

/** Free memory of this machine in bytes, a container's limit counted. */
export function freeMemory(): number {
  // Node 20.13 and later; it can say 0 where a limit cannot be read.
  const available = (process as { availableMemory?: () => number }).availableMemory?.() ?? 0;
  return available > 0 ? available : freemem();
}

/** The NVIDIA cards that `nvidia-smi` lists; none where it is missing. */
async function nvidiaAdapters(): Promise<Adapter[]> {
  const fields = 'name,driver_version,memory.free,memory.total';
  const run = promisify(execFile);
  try {
    const query = [`--query-gpu=${fields}`, '--format=csv,noheader,nounits'];
    return parseNvidia((await run('nvidia-smi', query, { timeout: 10_000 })).stdout);
  } catch {
    return [];
  }
}

/** Lines of `name, driver, free MiB, total MiB`. */
export function parseNvidia(csv: string): Adapter[] {
  return csv
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', driver, free, total] = line.split(',').map((cell) => cell.trim());
      const bytes = (mib: string | undefined): number | undefined => {
        const value = Number(mib);
        return mib !== undefined && Number.isFinite(value) ? value * 2 ** 20 : undefined;
      };
      return { name, driver, free: bytes(free), total: bytes(total) };
    });
}

/** AMD's cards, which tell their memory in files. */
async function amdAdapters(root = '/sys/class/drm'): Promise<Adapter[]> {
  const out: Adapter[] = [];
  for (const card of await readdir(root).catch(() => [])) {
    if (!/^card\d+$/.test(card)) continue;
    const read = async (name: string): Promise<number> =>
      Number(await readFile(join(root, card, 'device', name), 'utf8').catch(() => 'NaN'));
    const [total, used] = [await read('mem_info_vram_total'), await read('mem_info_vram_used')];
    if (total > 0) out.push({ name: `AMD ${card}`, total, free: total - used });
  }
  return out;
}

/** The cards that a provider can run on, as far as that is known. */
export async function adaptersOf(provider: Provider): Promise<Adapter[]> {
  if (provider === 'cpu') return [];
  const nvidia = await nvidiaAdapters();
  return provider === 'cuda' || nvidia.length > 0 ? nvidia : amdAdapters();
}

/**
 * Bytes that a model may take on a provider; undefined where nobody tells.
 * @param limit what the user allows on a GPU
 */
export async function memoryFor(
  provider: Provider,
  limit: number | undefined,
): Promise<number | undefined> {
  if (provider === 'cpu') return freeMemory();
  return limit ?? (await adaptersOf(provider))[0]?.free;
}
