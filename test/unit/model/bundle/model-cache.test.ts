import {
  existsSync,
  mkdirSync,
  readdirSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import type * as fsPromises from 'node:fs/promises';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openModel } from '../../../../server/src/model/bundle/bundle.js';
import { GRAPH_VERSION } from '../../../../server/src/model/bundle/format/manifest.js';
import { ownName } from '../../../../server/src/files/processes.js';
import { goldenFolder } from '../golden.js';
import { Workspace } from '../workspace.js';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fsPromises>();
  return { ...real, statfs: vi.fn(real.statfs) };
});

const work = new Workspace();
const HOURS = 3600 * 1000;

/** A conversion of another model, `gigabytes` large (a sparse file) and last used `hours` ago. */
function conversion(cache: string, name: string, gigabytes: number, hours: number): string {
  const folder = join(cache, 'models', name);
  mkdirSync(folder, { recursive: true });
  const data = join(folder, 'backbone.data');
  writeFileSync(data, '');
  truncateSync(data, gigabytes * 1e9);
  const entry = {
    name,
    path: '/somewhere',
    precision: 'int8',
    attributes: 1,
    graphVersion: GRAPH_VERSION,
    layout: 3,
    files: { 'backbone.data': gigabytes * 1e9 },
    linked: [],
  };
  writeFileSync(join(folder, 'model.json'), JSON.stringify(entry));
  const then = new Date(Date.now() - hours * HOURS);
  utimesSync(join(folder, 'model.json'), then, then);
  utimesSync(folder, then, then);
  return folder;
}

const convert = (cacheFolder: string) =>
  openModel(goldenFolder('llama3-qrm-bf16-sharded'), { precision: 'float32', cacheFolder });

describe('the cache of converted models', () => {
  afterEach(() => vi.mocked(statfs).mockClear());

  it('keeps 20 GB, dropping the least recently used', async () => {
    const cache = work.fresh('cache');
    const fresh = conversion(cache, 'fresh', 12, 0);
    const recent = conversion(cache, 'recent', 7, 2);
    const old = conversion(cache, 'old', 4, 9);
    const { backbonePath } = await convert(cache);
    expect([fresh, recent, old, backbonePath].map((path) => existsSync(path))).toEqual([
      true,
      true,
      false,
      true,
    ]);
  });

  it('never drops what another process may be running', async () => {
    const cache = work.fresh('cache');
    const folders = [conversion(cache, 'a', 15, 0), conversion(cache, 'b', 15, 0.5)];
    await convert(cache);
    expect(folders.map((path) => existsSync(path))).toEqual([true, true]);
  });

  it('drops conversions of other versions and drafts of killed processes', async () => {
    const cache = work.fresh('cache');
    const other = conversion(cache, 'other', 1, 5);
    writeFileSync(join(other, 'model.json'), JSON.stringify({ graphVersion: 0, files: {} }));
    utimesSync(other, new Date(0), new Date(0));
    const [, place] = /(-[0-9a-f]{6})$/.exec(ownName())!;
    const drafts = [
      `w.tmp-0123abcd-4194303-7${place}`,
      // This process's number, but of one that had it before.
      `x.tmp-0123abcd-${process.pid}-7${place}`,
      'y.tmp-4194303-0123abcd',
      // This process's own, of a conversion that is not under way any more.
      `v.tmp-0123abcd-${ownName()}`,
    ].map((name) => join(cache, 'models', name));
    const running = join(cache, 'models', `z.tmp-0123abcd-${process.ppid}-0${place}`);
    for (const folder of [...drafts, running]) mkdirSync(folder);
    await convert(cache);
    const left = [other, ...drafts, running].filter((path) => existsSync(path));
    expect(left).toEqual([running]);
  });

  it('asks for the space that a conversion needs before it begins', async () => {
    const cache = work.fresh('cache');
    const real = await statfs(work.root);
    vi.mocked(statfs).mockResolvedValue({ ...real, bavail: 10, bsize: 4096 });
    await expect(convert(cache)).rejects.toThrow(
      /the converted weights need \d+ kB, the disk has 40 kB free.*QRM_LENS_CACHE/,
    );
    expect(readdirSync(join(cache, 'models'))).toEqual([]);
    vi.mocked(statfs).mockReset();
  });
});
