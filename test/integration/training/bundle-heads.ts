import { readManifest } from '../../../server/src/model/bundle/format/manifest.js';
import { readHeadFiles } from '../../../server/src/model/heads/heads-files.js';
import type { QrmHeads } from '../../../server/src/model/heads/heads.js';

/** The heads of a bundle, by the product's own reader. */
export async function readBundleHeads(folder: string): Promise<QrmHeads> {
  const { config } = await readManifest(folder);
  return (await readHeadFiles(folder, config.hiddenSize)).heads;
}
