import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  CancellationTokenSource,
  LSPErrorCodes,
  WorkDoneProgress,
} from 'vscode-languageserver-protocol/node.js';
import { METHODS, type HubCost, type HubModels } from '../../../server/src/protocol/index.js';
import { goldenFolder } from '../../unit/model/golden.js';
import { HubServer } from '../../unit/model/bundle/hub/hub-server.js';
import { Client, type StartOptions } from './editor/client.js';

const ID = 'acme/reward';
let hub: HubServer;
let cache: string;
let client: Client | undefined;

beforeEach(async () => {
  hub = await HubServer.of(goldenFolder('llama-mha-sharded'), ID);
  cache = mkdtempSync(join(tmpdir(), 'qrm-hub-'));
});
afterEach(async () => {
  await client?.stop();
  client = undefined;
  await hub.close();
  rmSync(cache, { recursive: true, force: true });
});

/** The server with a hub on the loopback. */
async function start(init: StartOptions['init'] = {}): Promise<Client> {
  const env = { ...process.env, HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: cache, HF_TOKEN: '' };
  client = await Client.start({
    init,
    under: {
      command: (program, ...args) => [program!, args],
      env: () => env,
    },
  });
  return client;
}

describe('models of the hub, as the editor asks for them', () => {
  it('are listed with what they cost here, and nothing is asked of the network', async () => {
    const { connection } = await start();
    const found: HubModels = await connection.sendRequest(METHODS.hubModels);
    expect(found.memory).toBeGreaterThan(1e9);
    expect(found.disk).toBeGreaterThan(0);
    expect(found.models.length).toBeGreaterThan(5);
    for (const m of found.models) {
      expect(m.name).toMatch(/^\S+\/\S+$/);
      expect(m.licence).not.toBe('');
      expect(m.int8).toBeLessThan(m.float32);
      expect(m.fits.includes('int8')).toBe(m.int8 < 0.85 * found.memory);
      expect(m.cached).toBe(false);
    }
    expect(hub.seen).toEqual([]);
  });

  it('say before what they take, and come with progress', async () => {
    const { connection } = await start();
    const cost = (): Promise<HubCost> => connection.sendRequest(METHODS.hubCost, { name: ID });
    const before = await cost();
    expect(before.download).toBe(115064 + 120488 + 84088);
    expect(before.missing).toBe(before.download);
    expect(existsSync(join(cache, 'models--acme--reward'))).toBe(false);

    const told: string[] = [];
    connection.onProgress(WorkDoneProgress.type, 'mine', (value) => {
      if (value.kind === 'report') told.push(value.message ?? '');
    });
    const pulled = await connection.sendRequest(METHODS.pullModel, {
      name: ID,
      workDoneToken: 'mine',
    });
    const path = join(cache, 'models--acme--reward', 'snapshots', hub.commit);
    expect(pulled).toEqual({ path });
    expect(existsSync(join(path, 'config.json'))).toBe(true);
    expect(told.length).toBeGreaterThan(0);
    expect(await cost()).toMatchObject({ download: before.download, missing: 0 });
  });

  it('can be cancelled: the answer comes at once, and what came is kept', async () => {
    const { connection } = await start();
    const source = new CancellationTokenSource();
    hub.interfere = (request) => {
      if (!request.url?.endsWith('.safetensors')) return false;
      source.cancel();
      return true; // and never answered
    };
    await expect(
      connection.sendRequest(METHODS.pullModel, { name: ID }, source.token),
    ).rejects.toMatchObject({ code: LSPErrorCodes.RequestCancelled });
    const repository = join(cache, 'models--acme--reward');
    expect(existsSync(join(repository, 'snapshots', hub.commit, 'config.json'))).toBe(true);
    hub.interfere = undefined;
    await expect(connection.sendRequest(METHODS.pullModel, { name: ID })).resolves.toBeDefined();
  });

  it.each([
    ['acme/rewrad', /no model acme\/rewrad at .*look at the spelling/],
    ['reward', /"reward": expected org\/name/],
    ['../../etc', /expected org\/name/],
  ])('that are not there are told in words: %s', async (name, expected) => {
    const { connection } = await start();
    for (const method of [METHODS.hubCost, METHODS.pullModel])
      await expect(connection.sendRequest(method, { name })).rejects.toThrow(expected);
  });

  it('are not fetched in an untrusted workspace: not a byte is asked for', async () => {
    const { connection } = await start({ trusted: false });
    for (const method of [METHODS.hubCost, METHODS.pullModel])
      await expect(connection.sendRequest(method, { name: ID })).rejects.toThrow(
        /nothing is downloaded in an untrusted workspace/,
      );
    expect(hub.seen).toEqual([]);
  });
});
