// A file above the 50 MB that VS Code gives to extensions is read from disk on command.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { TINY, makeFolder, writeLarge } from '../../data.mjs';
import { bundleProcesses, peakMemory } from '../../processes.mjs';
import { until } from '../../until.mjs';
import { openWorkbench } from '../../workbench/workbench.mjs';

const FILE = 'large.jsonl';
const MB = 1e6;
const number = (text) => Number(text.replaceAll(/[,\u202f\u00a0 ]/g, ''));

export default async function (suite, { browser, host: start }) {
  const { test, defer } = suite;
  const host = await start({ settings: TINY });
  defer(() => host.stop());
  const folder = makeFolder(host.home, 'workspace', { 'notes.md': '# Notes\n' });
  const { rows, bytes } = writeLarge(join(folder, FILE), 100 * MB);
  assert.ok(bytes >= 100 * MB);
  const workbench = await openWorkbench(browser, host, folder);
  suite.workbench = workbench;
  defer(() => workbench.close());
  const { page } = workbench;
  let view;

  await test('opens, and is audited from disk on command', async () => {
    await workbench.openFile(FILE);
    await page.getByRole('button', { name: 'Open Anyway' }).click();
    await page.locator('.editor-instance .view-line').first().waitFor({ timeout: 60_000 });
    await workbench.command('QRM Lens: Open Dashboard');
    view = await workbench.webview('.dashboard canvas');
    await until(
      'scores',
      async () => number(await view.locator('.tile .value').first().innerText()) > 100,
      { timeout: 120_000 },
    );
    assert.match(await view.locator('.state').first().innerText(), /^Scoring with/);
  });

  await test('the editor and the view answer meanwhile', async () => {
    await workbench.focusEditor();
    await workbench.goToLine(rows - 5);
    await workbench.cursorAt('the end of the file', ({ line }) => line === rows - 5);
    await workbench.openFile('notes.md');
    await page.locator('.editor-group-container.active .view-line').first().click();
    await page.keyboard.type('typed while scoring');
    await until('the typed text', async () =>
      (await page.locator('.editor-group-container.active .view-lines').innerText()).includes(
        'scoring',
      ),
    );
    await page.keyboard.press('Control+Z');
  });

  await test('a click on a finding moves the editor to its line', async () => {
    const row = view.locator('.rows .row[data-n="0"]');
    await row.waitFor({ timeout: 60_000 });
    // While rows are scored another finding may take the first place between look and click: then anew.
    await until(
      'the editor at the line of the row that was clicked',
      async () => {
        await row.scrollIntoViewIfNeeded();
        const shown = number(await row.locator('.cell.line').innerText());
        await row.dblclick();
        return workbench.cursorAt(`line ${shown}`, (at) => at.line === shown, { timeout: 8000 });
      },
      { timeout: 120_000 },
    );
  });

  await test('cancel stops it', async () => {
    await view.getByRole('button', { name: 'Cancel' }).click();
    await until('the end', async () =>
      /cancel|stopped/i.test(await view.locator('.state').first().innerText()),
    );
  });

  await test('the server stays below 600 MB', () => {
    const [server] = bundleProcesses(host, 'server.js');
    const peak = peakMemory(server.pid);
    assert.ok(peak > 0 && peak < 600 * MB, `${(peak / MB).toFixed(0)} MB`);
  });
}
