// Models by name: the list, what a download costs, its progress, cancelled and gone on with, and the model in use.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { harmlessLines, root } from '../../data.mjs';
import { until } from '../../until.mjs';
import { openWorkspace } from '../../workbench/workspace.mjs';

const NAME = 'tiny/qwen3-reward';
const ROWS = 6;

/** The hub of the unit tests, which answers as the real one does. */
async function startHub(suite) {
  const work = mkdtempSync(join(tmpdir(), 'qrm-e2e-hub-'));
  suite.defer(() => rmSync(work, { recursive: true, force: true }));
  const outfile = join(work, 'hub.mjs');
  const entryPoints = [join(root, 'test', 'unit', 'model', 'bundle', 'hub', 'hub-server.ts')];
  await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm' });
  const { HubServer } = await import(outfile);
  const hub = await HubServer.of(join(root, 'test', 'fixtures', 'golden', 'qwen3-bt'), NAME);
  suite.defer(() => hub.close());
  return hub;
}

export default async function (suite, editor) {
  const { test } = suite;
  const hub = await startHub(suite);
  const { host, workbench, page } = await openWorkspace(
    suite,
    editor,
    { env: { HF_ENDPOINT: hub.endpoint, HF_HUB_OFFLINE: '', HF_HOME: mkHome(suite) } },
    { 'pairs.jsonl': `${harmlessLines().slice(0, ROWS).join('\n')}\n` },
  );
  const model = () =>
    ['User', 'Machine'].reduce((found, place) => {
      const path = join(host.data, place, 'settings.json');
      const settings = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
      return settings['qrmLens.model.path'] ?? found;
    }, undefined);
  const weights = () => hub.seen.filter(({ where }) => where === 'cdn');
  const dialog = page.locator('.monaco-dialog-box');
  /** Asks for the model by name and waits until it is said what it costs. */
  const ask = async () => {
    await workbench.clearNotifications();
    await workbench.command('QRM Lens: Select Model…');
    // The list is longer than what is drawn of it.
    await workbench.filterPicks('Another model');
    await workbench.choose('Another model of the hub…');
    const input = page.locator('.quick-input-widget:visible input').first();
    await until('the name in the box', async () => {
      await input.fill(NAME);
      return (await input.inputValue()) === NAME;
    });
    await input.press('Enter');
    await dialog.waitFor({ timeout: 60_000 });
    return (await dialog.innerText()).replaceAll(/\s+/g, ' ');
  };
  const say = async (name) => {
    await dialog.getByRole('button', { name, exact: true }).click();
    await dialog.waitFor({ state: 'hidden' });
  };
  await workbench.openFile('pairs.jsonl');

  await test('known good models are listed with disk, memory and licence, and nothing is asked of the hub', async () => {
    await workbench.command('QRM Lens: Select Model…');
    const rows = await workbench.picks();
    const known = rows.find(({ label }) => label.includes('Skywork-Reward-V2-Qwen3-0.6B'));
    assert.match(known.text, /1\.2 GB/);
    assert.match(known.text, /apache-2\.0/);
    assert.match(known.text, /Memory .* in int8, .* in float32: .*this machine has/);
    await workbench.closeQuickInput();
    assert.deepEqual(hub.seen, []);
  });

  await test('a name that is no name is refused before anything is asked', async () => {
    await workbench.command('QRM Lens: Select Model…');
    await workbench.filterPicks('Another model');
    await workbench.choose('Another model of the hub…');
    const input = page.locator('.quick-input-widget:visible input').first();
    await input.fill('no name');
    const widget = page.locator('.quick-input-widget:visible');
    await until('what was expected', async () =>
      (await widget.innerText()).includes('Expected org/name'),
    );
    await workbench.closeQuickInput();
    assert.deepEqual(hub.seen, []);
  });

  await test('before a download it is said what it costs, and a no fetches no weights', async () => {
    const text = await ask();
    assert.match(text, new RegExp(`Download ${NAME}\\?`));
    assert.match(text, /Disk: .*Hugging Face cache.*conversion to int8/);
    assert.match(text, /are free there/);
    assert.match(text, /Memory while it runs: about .* in int8, .* in float32; this machine has/);
    await say('Cancel');
    assert.deepEqual(weights(), []);
    assert.equal(model(), undefined);
  });

  let release = () => undefined;
  await test('a download shows its progress and can be cancelled', async () => {
    hub.hold = new Promise((resolve) => (release = resolve));
    await ask();
    await say('Download');
    await until('the weights to be on their way', () => weights().length > 0);
    const toast = page.locator('.notifications-toasts .notification-list-item', {
      hasText: `Downloading ${NAME}`,
    });
    await until('how far it is', async () => /\d+ ?%|kB|MB/.test(await toast.innerText()));
    await workbench.answer(`Downloading ${NAME}`, 'Cancel');
    await toast.waitFor({ state: 'hidden', timeout: 30_000 });
    assert.equal(model(), undefined);
    // That of the hub's answer may be fading still.
    await until('nothing to be told', async () => (await workbench.notifications()).length === 0);
  });

  await test('the next time it goes on from there, and the model is the one in use', async () => {
    release();
    hub.hold = undefined;
    const before = weights().length;
    const text = await ask();
    assert.match(text, /still to come/);
    await say('Download');
    await until('the setting', () => model() === NAME, { timeout: 60_000 });
    const [next] = weights().slice(before);
    assert.match(next.range ?? '', /^bytes=[1-9]\d*-$/);
    await workbench.focusEditor();
    await workbench.command('QRM Lens: Audit This File');
    await workbench.notification(new RegExp(`${2 * ROWS} responses scored`), { timeout: 180_000 });
  });
}

function mkHome(suite) {
  const home = mkdtempSync(join(tmpdir(), 'qrm-e2e-hf-'));
  suite.defer(() => rmSync(home, { recursive: true, force: true }));
  return home;
}
