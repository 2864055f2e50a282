import { statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { dirname } from 'node:path';
import { exists } from '../../model/files.js';
import { hubName, hubSettings, type HubName } from '../../model/bundle/hub/place.js';
import { inspect, pull } from '../../model/bundle/hub/pull.js';
import { listHubModels } from '../../model/bundle/models.js';
import type { HubCost, HubModels } from '../../protocol/index.js';

/** The list of the editor's `Select Model…`. */
export async function hubModels(): Promise<HubModels> {
  const { cache } = await hubSettings();
  let at = cache;
  while (!(await exists(at)) && dirname(at) !== at) at = dirname(at);
  const disk = await statfs(at).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => null,
  );
  const models = (await listHubModels()).map(
    ({ name, attributes, levels, licence, download, int8, float32, fits, cached }) => ({
      name,
      attributes,
      levels,
      licence,
      download,
      int8,
      float32,
      fits,
      cached: cached !== undefined,
    }),
  );
  return { memory: totalmem(), disk, models };
}

function nameOf(text: string, trusted: boolean): HubName {
  if (!trusted) throw new Error('nothing is downloaded in an untrusted workspace');
  const name = hubName(text);
  if (name === undefined) throw new Error(`"${text}": expected org/name or org/name@revision`);
  return name;
}

/** @throws Error in an untrusted workspace, or in the hub's words */
export async function hubCost(
  text: string,
  trusted: boolean,
  signal: AbortSignal,
): Promise<HubCost> {
  const { bytes, missing } = await inspect(nameOf(text, trusted), { signal });
  // The weights are taken to be in 16 bits: int8 is half of that, with the embedding table in float32.
  const weights = bytes / 2;
  return {
    download: bytes,
    missing,
    converted: Math.round(1.2 * weights),
    int8: Math.round(1.25 * weights),
    float32: Math.round(4.2 * weights),
  };
}

/** @throws Error in an untrusted workspace, or in the hub's words; what came is kept */
export async function pullModel(
  text: string,
  trusted: boolean,
  options: { signal: AbortSignal; onProgress: (p: { message: string; fraction: number }) => void },
): Promise<{ path: string }> {
  return { path: await pull(nameOf(text, trusted), options) };
}
