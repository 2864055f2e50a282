// Code actions that open or copy, lenses that are clicked, inlay hints switched on, chats as VS Code exports them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TINY, harmlessLines, rawResponse, root } from '../../data.mjs';
import { until } from '../../until.mjs';
import { openWorkspace } from '../../workbench/workspace.mjs';

const FILE = 'pairs.jsonl';
const CHAT = 'chat.json';
const ROWS = 12;
const HINT = /q05 [−-]?\d+\.\d+/;

export default async function (suite, editor) {
  const { test } = suite;
  const settings = { ...TINY, 'qrmLens.thresholds.tail': '1000', 'qrmLens.autoAudit': 'auto' };
  const lines = harmlessLines().slice(0, ROWS);
  const chat = readFileSync(join(root, 'test', 'fixtures', 'datasets', 'vscode-chat.json'), 'utf8');
  const { folder, workbench, page } = await openWorkspace(
    suite,
    editor,
    { settings },
    {
      [FILE]: `${lines.join('\n')}\n`,
      [CHAT]: chat,
      '.vscode/settings.json': '{}',
    },
  );
  const folderSettings = async (values) => {
    await workbench.openFile('settings.json');
    await workbench.rewrite(JSON.stringify(values));
    await workbench.openFile(FILE);
  };
  await workbench.openFile(FILE);
  await workbench.settledFindings({ atLeast: ROWS });
  const detailTitle = async () => {
    const detail = await workbench.webview('.detail .card');
    return detail.locator('h1').innerText();
  };

  await test('a lens opens the distribution of its pair', async () => {
    await workbench.goToLine(1);
    const lens = page.locator('.codelens-decoration a', { hasText: 'margin' });
    await until('a lens', () => lens.count());
    await lens.first().click();
    await until('its pair', async () => /line 1$/.test(await detailTitle()));
  });

  await test('a code action opens the response in the distribution view', async () => {
    await workbench.focusEditor();
    await workbench.goToLine(4, rawResponse(lines[3], 'rejected').column + 2);
    await workbench.applyCodeAction('Open in the distribution view');
    await until('line 4', async () => /line 4$/.test(await detailTitle()));
  });

  await test('a code action copies the distribution as numbers', async () => {
    await workbench.focusEditor();
    await workbench.goToLine(5, rawResponse(lines[4], 'chosen').column + 2);
    await workbench.applyCodeAction('Copy the distribution');
    const copied = await until('the clipboard', async () => {
      const value = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
      return value.row === 4 && value;
    });
    assert.equal(copied.kind, 'chosen');
    assert.equal(copied.quantiles.length, copied.levels.length);
    const mean = copied.quantiles.reduce((sum, q) => sum + q, 0) / copied.quantiles.length;
    assert.ok(Math.abs(mean - copied.expectation) < 1e-5 * (1 + Math.abs(mean)));
    const { gate, attributes, attributeQuantiles, levels } = copied;
    assert.equal(attributeQuantiles.length, attributes.length * levels.length);
    // The mixture is the gate's sum of the attributes' quantiles, level by level.
    for (const [k, quantile] of copied.quantiles.entries()) {
      const mixed = gate.reduce(
        (sum, g, m) => sum + g * attributeQuantiles[m * levels.length + k],
        0,
      );
      assert.ok(Math.abs(mixed - quantile) < 1e-4 * (1 + Math.abs(quantile)));
    }
  });

  await test('inlay hints are off until they are switched on', async () => {
    await workbench.goToLine(1);
    assert.doesNotMatch(await workbench.visibleText(), HINT);
    await folderSettings({ 'qrmLens.inlayHints.enabled': true });
    await until('hints', async () => HINT.test(await workbench.visibleText()));
    await folderSettings({});
    await until('no hints', async () => !HINT.test(await workbench.visibleText()));
  });

  await test('lenses can be switched off', async () => {
    assert.ok((await workbench.lenses()).length > 0);
    await folderSettings({ 'qrmLens.codeLens.enabled': false });
    await until('no lens', async () => (await workbench.lenses()).length === 0);
    await folderSettings({});
    await until('lenses', async () => (await workbench.lenses()).length > 0);
  });

  await test("a chat as VS Code exports it: each answer is marked inside the file's strings", async () => {
    await workbench.closeEditors();
    await workbench.openFile(CHAT);
    const found = await workbench.settledFindings({ atLeast: 2 });
    const marked = found.filter(({ code }) => code === 'low-left-tail');
    const raw = chat.split('\n');
    const texts = marked.map(({ line, column }) => raw[line - 1].slice(column - 1));
    assert.equal(marked.length, JSON.parse(chat).requests.length);
    assert.ok(
      texts.some((text) => text.startsWith('Use `list.reverse()`')),
      texts.join('\n'),
    );
    assert.ok(
      texts.some((text) => text.startsWith('See ')),
      texts.join('\n'),
    );
  });

  await test('with no chat open, its export is asked for and audited', async () => {
    await workbench.closeEditors();
    await workbench.command('QRM Lens: Audit Open Chat');
    await workbench.fileDialog(join(folder, CHAT));
    const view = await workbench.webview('.dashboard .state');
    await until('its answers', async () =>
      /^2$/.test(await view.locator('.tile .value').first().innerText()),
    );
    assert.equal(await view.locator('h1').innerText(), CHAT);
  });
}
