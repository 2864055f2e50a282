// What runs and how to change it: model, execution provider, status, doctor, log, stored scores, walkthrough.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TINY, harmlessLines } from '../../data.mjs';
import { until } from '../../until.mjs';
import { openWorkspace } from '../../workbench/workspace.mjs';

const FILE = 'pairs.jsonl';
const ROWS = 12;
const TINY_NAME = 'llama3-qrm-k5-m3';

export default async function (suite, editor) {
  const { test } = suite;
  const { host, workbench, page } = await openWorkspace(
    suite,
    editor,
    { settings: TINY },
    {
      [FILE]: `${harmlessLines().slice(0, ROWS).join('\n')}\n`,
    },
  );
  // What is the machine's own goes to the remote machine's settings, and wins over the user's.
  const stored = () =>
    ['User', 'Machine'].reduce((all, place) => {
      const path = join(host.data, place, 'settings.json');
      return { ...all, ...(existsSync(path) && JSON.parse(readFileSync(path, 'utf8'))) };
    }, {});
  /** The language status items, as the braces in the status bar show them. */
  const status = async () => {
    await page.mouse.move(700, 400);
    await page.locator('.statusbar-item[id="status.languageStatus"]').hover();
    const shown = page.locator('.hover-language-status');
    await shown.first().waitFor({ timeout: 5000 });
    return (await shown.allInnerTexts()).join('\n');
  };
  const audited = async (n = 2 * ROWS) => {
    await workbench.clearNotifications();
    await workbench.focusEditor();
    await workbench.command('QRM Lens: Audit This File');
    await workbench.notification(new RegExp(`${n} responses scored`), { timeout: 180_000 });
  };
  await workbench.openFile(FILE);
  await audited();

  await test('the language status names the model, the provider and the precision', async () => {
    const text = await until('the status', async () => {
      const now = await status();
      return now.includes(TINY_NAME) && /idle/.test(now) && now;
    });
    assert.match(text, /cpu, (float32|int8)/);
    assert.match(text, /context of \d+ tokens/);
    await page.mouse.move(700, 400);
  });

  await test('the execution providers are offered with what they are, and the choice is kept', async () => {
    await workbench.command('QRM Lens: Select Execution Provider…');
    const rows = await workbench.picks();
    const labels = rows.map(({ label }) => label);
    for (const name of ['auto', 'cpu', 'cuda', 'webgpu', 'dml'])
      assert.ok(labels.includes(name), `${name} in ${labels.join()}`);
    assert.match(rows.find(({ label }) => label === 'auto').text, /\(now\)/);
    await workbench.choose(/^cpu$/);
    await until('the setting', () => stored()['qrmLens.device'] === 'cpu');
    await audited();
  });

  await test('the doctor says which providers can be used and why not the others', async () => {
    await workbench.command('QRM Lens: Select Execution Provider…');
    await workbench.choose(/Which can be used here/);
    await page.locator('.tab.active', { hasText: 'Doctor' }).waitFor({ timeout: 60_000 });
    const text = await until('its report', async () => {
      const shown = await workbench.visibleText();
      return /cuda/.test(shown) && shown;
    });
    assert.match(text, /cpu/);
    assert.match(text, /webgpu/);
    assert.ok(text.includes(process.version) || /Node/.test(text));
    await page.keyboard.press('Control+W');
  });

  await test("the server's log is shown", async () => {
    await workbench.command('QRM Lens: Show Server Log');
    const panel = page.locator('.part.panel .output-view');
    await panel.waitFor();
    await until('its channel', async () =>
      (await page.locator('.part.panel').innerHTML()).includes('QRM Lens'),
    );
    const text = await until('lines', async () => {
      const lines = await page.locator('.part.panel .view-lines').innerText();
      return lines.trim() !== '' && lines;
    });
    assert.match(text, /\[(info|warning|error|debug)\]/);
    await workbench.closePanel();
  });

  await test('stored scores are removed only after a yes', async () => {
    await workbench.clearNotifications();
    for (const answer of ['Cancel', 'Clear']) {
      await workbench.command('QRM Lens: Clear Scores');
      const dialog = page.locator('.monaco-dialog-box');
      await dialog.waitFor();
      await dialog.getByRole('button', { name: answer, exact: true }).click();
      await dialog.waitFor({ state: 'hidden' });
      if (answer === 'Cancel') assert.deepEqual(await workbench.notifications(), []);
    }
    const message = await workbench.notification(/scores removed/);
    assert.match(message, new RegExp(`\\b${2 * ROWS} scores removed`));
    await audited();
  });

  await test('another model is chosen from a list, and judges at once', async () => {
    await workbench.command('QRM Lens: Select Model…');
    const rows = await workbench.picks();
    const embedded = rows.find(({ text }) => text.includes('comes with the extension'));
    assert.match(embedded.description, /\d+ attributes, .*MB/);
    assert.ok(rows.some(({ text }) => /A folder…/.test(text)));
    assert.ok(rows.some(({ text }) => /A GGUF file…/.test(text)));
    await workbench.choose('comes with the extension');
    await until('the setting', () => !stored()['qrmLens.model.path']);
    await until(
      'the other model',
      async () => {
        const now = await status();
        return !now.includes(TINY_NAME) && /cpu, int8/.test(now);
      },
      { timeout: 180_000 },
    );
    await page.mouse.move(700, 400);
    await audited();
  });

  await test('the walkthrough opens, and its steps show what they speak of', async () => {
    await workbench.command('Welcome: Open Walkthrough...');
    await workbench.choose('Get started with QRM Lens');
    const guide = page.locator('.gettingStartedContainer');
    await guide.locator('.step-title', { hasText: 'Open a dataset' }).waitFor();
    const steps = await guide.locator('.step-title').allInnerTexts();
    assert.deepEqual(steps, [
      'Open a dataset',
      'Look at a distribution',
      'Open the dashboard',
      'Choose your model',
    ]);
    await guide.locator('.step-title', { hasText: 'Look at a distribution' }).click();
    await guide.getByRole('button', { name: 'Show the distribution at the cursor' }).waitFor();
  });
}
