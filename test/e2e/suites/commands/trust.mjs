// In a folder that is not trusted only the embedded model judges, whatever the folder's settings say.
import assert from 'node:assert/strict';
import { TINY, harmlessLines } from '../../data.mjs';
import { until } from '../../until.mjs';
import { openWorkspace } from '../../workbench/workspace.mjs';

const FILE = 'pairs.jsonl';

export default async function (suite, editor) {
  const { test } = suite;
  const { workbench, page } = await openWorkspace(
    suite,
    editor,
    { trust: true },
    {
      [FILE]: `${harmlessLines().slice(0, 12).join('\n')}\n`,
      '.vscode/settings.json': JSON.stringify(TINY),
    },
  );

  await test('the folder is in restricted mode', () =>
    until('restricted mode', async () =>
      (await workbench.statusItems()).some(({ label }) => /Restricted Mode/.test(label)),
    ));

  await test("the embedded model scores it, not the one of the folder's settings", async () => {
    await workbench.openFile(FILE);
    await workbench.command('QRM Lens: Open Dashboard');
    const view = await workbench.webview('.dashboard canvas');
    const state = await until(
      'the end of the audit',
      async () => {
        const text = await view.locator('.state').first().innerText();
        return /^Scored with/.test(text) && text;
      },
      { timeout: 180_000 },
    );
    assert.ok(!state.includes('llama3-qrm-k5-m3'), state);
    await until('findings', async () => (await workbench.findings()).length > 0);
  });

  await test("with trust the folder's model is taken", async () => {
    await workbench.command('Workspaces: Manage Workspace Trust');
    await page
      .locator('.workspace-trust-editor')
      .getByRole('button', { name: /^Trust$/ })
      .first()
      .click();
    await until('trust', async () =>
      (await workbench.statusItems()).every(({ label }) => !/Restricted Mode/.test(label)),
    );
    await workbench.openFile(FILE);
    await workbench.command('QRM Lens: Audit This File');
    await workbench.command('QRM Lens: Open Dashboard');
    await until(
      "the folder's model",
      async () => {
        const view = await workbench.webview('.dashboard canvas');
        return (await view.locator('.state').first().innerText()).includes('llama3-qrm-k5-m3');
      },
      { timeout: 120_000 },
    );
  });
}
