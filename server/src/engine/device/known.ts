import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../files/folder.js';
import { writeWhole } from '../../files/write.js';
import type { Provider } from '../../protocol/index.js';
import { driverMark } from './driver.js';
import { PROBE_VERSION, type ProbeResult } from './probe.js';

/** What failed is tried again after a day: what it lacked may have been installed where no mark is seen. */
const FAILED_FOR = 24 * 3600 * 1000;

interface Kept {
  readonly mark: string;
  readonly time: number;
  readonly result: ProbeResult;
}

const markOf = (provider: Provider): string => `${PROBE_VERSION}-${driverMark(provider)}`;
const fileIn = (folder: string): string => join(folder, 'devices.json');

async function readAll(folder: string): Promise<Record<string, Kept>> {
  try {
    const json: unknown = JSON.parse(await readFile(fileIn(folder), 'utf8'));
    return typeof json === 'object' && json !== null ? (json as Record<string, Kept>) : {};
  } catch {
    return {};
  }
}

/** What an earlier probe of the same driver found, so that a start does not probe again. */
export async function keptProbe(
  folder: string | undefined,
  provider: Provider,
  now = Date.now(),
): Promise<ProbeResult | undefined> {
  if (folder === undefined) return undefined;
  const kept = (await readAll(folder))[provider];
  if (typeof kept?.result !== 'object' || kept.mark !== markOf(provider)) return undefined;
  return kept.result.error !== undefined && now - kept.time > FAILED_FOR ? undefined : kept.result;
}

/** Where nothing can be written, the next start probes again. */
export async function keepProbe(
  folder: string | undefined,
  provider: Provider,
  result: ProbeResult,
): Promise<void> {
  if (folder === undefined) return;
  try {
    const kept: Kept = { mark: markOf(provider), time: Date.now(), result };
    const all = { ...(await readAll(folder)), [provider]: kept };
    makeFolder(folder);
    await writeWhole(fileIn(folder), (write) => write(JSON.stringify(all)));
  } catch {
    // A cache, no more.
  }
}
