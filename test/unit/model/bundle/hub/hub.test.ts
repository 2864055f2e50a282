import {
  cpSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openModel } from '../../../../../server/src/model/bundle/bundle.js';
import {
  cachedSnapshot,
  hubName,
  type HubSettings,
} from '../../../../../server/src/model/bundle/hub/place.js';
import { pull, type PullOptions } from '../../../../../server/src/model/bundle/hub/pull.js';
import { goldenFolder } from '../../golden.js';
import { fail, HubServer } from './hub-server.js';
import { Workspace } from '../../workspace.js';

const work = new Workspace();
const ID = 'acme/reward';
const NAME = { id: ID, revision: 'main' };
const SHARDED = 'llama-mha-sharded';

let hub: HubServer;
let settings: HubSettings;
beforeEach(async () => {
  hub = await HubServer.of(goldenFolder(SHARDED), ID);
  settings = {
    endpoint: hub.endpoint,
    cache: work.fresh('hub'),
    token: 'hf_secret',
    offline: false,
  };
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
});

const get = (options: PullOptions = {}) => pull(NAME, { settings, retryDelay: 1, ...options });
const weights = () => readdirSync(goldenFolder(SHARDED)).filter((n) => n.endsWith('.safetensors'));

describe('a model by name', () => {
  it('is written in the layout of the hub, with what it needs and no more', async () => {
    const folder = await get();
    expect(folder).toBe(join(settings.cache, 'models--acme--reward', 'snapshots', hub.commit));
    expect(readFileSync(join(folder, '../../refs/main'), 'utf8')).toBe(hub.commit);
    const names = readdirSync(goldenFolder(SHARDED)).filter((n) => n !== 'expected.json');
    expect(readdirSync(folder).sort()).toEqual(names.sort());
    for (const name of names) {
      expect(readFileSync(join(folder, name))).toEqual(hub.bytes(name));
      expect(lstatSync(join(folder, name)).isSymbolicLink()).toBe(true);
    }
    expect(readdirSync(join(folder, '../../blobs')).every((n) => /^[0-9a-f]{40,64}$/.test(n))).toBe(
      true,
    );
    // The second time nothing is asked for.
    hub.seen.length = 0;
    expect(await get()).toBe(folder);
    expect(await cachedSnapshot(settings.cache, NAME)).toBe(folder);
    expect(hub.seen).toEqual([]);
  });

  it('opens as --model org/name, at a revision too', async () => {
    vi.stubEnv('HF_ENDPOINT', hub.endpoint);
    vi.stubEnv('HF_HOME', work.fresh('home'));
    vi.stubEnv('HF_TOKEN', '');
    const messages: string[] = [];
    const options = { precision: 'float32', cacheFolder: work.fresh('cache') } as const;
    const onProgress = ({ message }: { message: string }) => messages.push(message);
    const model = await openModel(`${ID}@main`, { ...options, onProgress });
    expect(model.name).toBe(ID);
    expect(messages.some((m) => /^Downloading acme\/reward: \d+ kB of \d+ kB/.test(m))).toBe(true);
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    hub.seen.length = 0;
    expect((await openModel(ID, options)).modelHash).toBe(model.modelHash);
    await expect(openModel('acme/other', options)).rejects.toThrow(
      /not in the cache .*HF_HUB_OFFLINE is set/,
    );
    expect(hub.seen).toEqual([]);
  });

  it('gives its token to the hub alone, never to where that redirects', async () => {
    await get();
    const at = (where: string) => hub.seen.filter((s) => s.where === where).map((s) => s.token);
    expect(new Set(at('hub'))).toEqual(new Set(['Bearer hf_secret']));
    expect(at('cdn').length).toBe(weights().length);
    expect(new Set(at('cdn'))).toEqual(new Set([undefined]));
  });

  it.each([true, false])(
    'goes on where the line broke, at any byte (ranges: %s)',
    async (ranges) => {
      hub.ranges = ranges;
      hub.breaks = [1, 7000, 0, 33_333, 12];
      const folder = await get();
      for (const name of weights())
        expect(readFileSync(join(folder, name))).toEqual(hub.bytes(name));
      const asked = hub.seen.filter((s) => s.where === 'cdn');
      expect(asked.length).toBeGreaterThan(weights().length);
      expect(asked.some((s) => s.range !== undefined)).toBe(true);
    },
  );

  it('goes on after it was cancelled, from what had come', async () => {
    hub.breaks = [20_000, 0, 0, 0, 0, 0, 0, 0];
    const cancel = new AbortController();
    const cancelled = get({ signal: cancel.signal, retryDelay: 600_000 });
    const blobs = join(settings.cache, 'models--acme--reward', 'blobs');
    await vi.waitFor(
      () => {
        const part = readdirSync(blobs).find((n) => n.endsWith('.incomplete'));
        expect(statSync(join(blobs, part!)).size).toBe(20_000);
      },
      { timeout: 20_000 },
    );
    cancel.abort();
    await expect(cancelled).rejects.toThrow(/abort/i);
    expect(await cachedSnapshot(settings.cache, NAME)).toBeUndefined();
    hub.breaks = [];
    hub.seen.length = 0;
    await get();
    expect(hub.seen.find((s) => s.where === 'cdn')!.range).toMatch(/^bytes=[1-9]/);
  });

  it('takes nothing with another hash', async () => {
    hub.corrupt = true;
    await expect(get()).rejects.toThrow(
      /safetensors: what comes has another hash than the hub says/,
    );
    expect(await cachedSnapshot(settings.cache, NAME)).toBeUndefined();
    hub.corrupt = false;
    await get();
  });

  it('waits when it is asked to, and tries again when the hub fails', async () => {
    let times = 0;
    hub.interfere = (_, response) => {
      if (times++ >= 3) return false;
      if (times === 1) response.setHeader('retry-after', '0.01');
      fail(response, times === 1 ? 429 : 503);
      return true;
    };
    await get();
    expect(times).toBeGreaterThan(3);
  });

  it.each([
    [
      401,
      'GatedRepo',
      undefined,
      /acme\/reward is gated: accept its terms at .*\/acme\/reward, then set HF_TOKEN/,
    ],
    [403, 'GatedRepo', 'hf_x', /gated, and the account of your token has no access/],
    [401, 'RepoNotFound', undefined, /no model acme\/reward at .*a private one needs HF_TOKEN/],
    [404, 'RepoNotFound', 'hf_x', /no model acme\/reward at .*your token may not see it/],
    [404, 'RevisionNotFound', undefined, /acme\/reward has no revision "main"/],
    [429, undefined, undefined, /asks for fewer requests/],
    [500, undefined, undefined, /answered 500 for acme\/reward/],
  ])('%i %s is explained', async (status, code, token, message) => {
    settings = { ...settings, token };
    hub.interfere = (_, response) => (fail(response, status, code), true);
    const error = await get().then(() => '', String);
    expect(error).toMatch(message);
    expect(error).not.toContain('hf_x');
  });

  it('says so when the hub is out of reach', async () => {
    await hub.close();
    await expect(get()).rejects.toThrow(
      /127\.0\.0\.1:\d+: nothing answers there.*\(ECONNREFUSED\)/,
    );
    hub = await HubServer.of(goldenFolder(SHARDED), ID);
  });

  it('names weights that are not read', async () => {
    const folder = work.fresh('pickled');
    cpSync(goldenFolder('llama3-bt'), folder, { recursive: true });
    renameSync(join(folder, 'model.safetensors'), join(folder, 'pytorch_model.bin'));
    await hub.close();
    hub = await HubServer.of(folder, ID);
    settings = { ...settings, endpoint: hub.endpoint };
    await expect(get()).rejects.toThrow(/pytorch_model\.bin only, a pickle/);
    rmSync(join(folder, 'pytorch_model.bin'));
    await expect(get()).rejects.toThrow(/no weights/);
    expect(existsSync(join(settings.cache, 'models--acme--reward', 'refs'))).toBe(false);
  });
});

describe('names', () => {
  it('are org/name, with a revision', () => {
    expect(hubName('a/b')).toEqual({ id: 'a/b', revision: 'main' });
    expect(hubName('a/b-1.0@refs/pr/1')).toEqual({ id: 'a/b-1.0', revision: 'refs/pr/1' });
    for (const path of [
      './a/b',
      '/a/b',
      'a',
      'a/b/c',
      '../b',
      'a/b@../x',
      'a/b.gguf',
      'a/..',
      'C:\\a\\b',
    ])
      expect(hubName(path)).toBeUndefined();
  });
});
