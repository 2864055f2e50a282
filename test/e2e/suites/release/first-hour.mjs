// What a new user meets first: files that are no data set, short chats, closed, compressed and renamed files.
import assert from 'node:assert/strict';
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { TINY, harmlessLines, harmlessPairs } from '../../data.mjs';
import { parquetOf } from '../../tables.mjs';
import { until } from '../../until.mjs';
import { openWorkspace } from '../../workbench/workspace.mjs';

const log = Array.from({ length: 1000 }, (_, n) =>
  JSON.stringify({ time: n, level: 'info', event: `request ${n}` }),
).join('\n');
const CHAT =
  '## User\n\nHow do I boil an egg?\n\n## Assistant\n\nSeven minutes in boiling water.\n\n' +
  '## User\n\nAnd a soft one?\n\n## Assistant\n\nFour minutes.\n';

export default async function (suite, editor) {
  const { test } = suite;
  const lines = harmlessLines();
  const pairs = `${lines.slice(0, 40).join('\n')}\n`;
  const { folder, workbench, page } = await openWorkspace(
    suite,
    editor,
    { settings: { ...TINY, 'editor.wordWrap': 'off' } },
    {
      'log.jsonl': `${log}\n`,
      'chat.md': CHAT,
      'pairs.jsonl': pairs,
      'old.jsonl': pairs,
      'packed.jsonl.gz': gzipSync(pairs),
      'rows.parquet': parquetOf(harmlessPairs(60)),
      'broken.jsonl': `${lines.slice(0, 8).join('\n')}\n{"chosen": 1}\nnot json\n`,
      'whole.jsonl': `${lines.join('\n')}\n`,
    },
  );
  const shown = async () => (await workbench.problems()).filter((row) => /QRM Lens/.test(row));
  const settings = () => readFileSync(join(folder, '.vscode', 'settings.json'), 'utf8');
  const folderSettings = async (values) => {
    await workbench.openFile('settings.json');
    await workbench.rewrite(JSON.stringify(values));
  };
  const noProblems = (what) => until(what, async () => (await shown()).length === 0);

  await test('a log is no data set: no error, and a way out', async () => {
    await workbench.openFile('log.jsonl');
    await workbench.goToLine(1);
    const titles = await workbench.codeActions();
    assert.ok(
      titles.some((title) => /Map the fields…/.test(title)),
      titles.join(),
    );
    await page.keyboard.press('Escape');
    assert.deepEqual(await shown(), []);
    await workbench.closePanel();
    await workbench.applyCodeAction('Do not audit this file');
    await until('the setting', async () => {
      await workbench.openFile('settings.json').catch(() => undefined);
      return /log\.jsonl/.test(await workbench.visibleText());
    });
    await workbench.closeEditors();
  });

  await test('a long row is wrapped, whatever the other files are', async () => {
    await workbench.openFile('pairs.jsonl');
    await until('a row of several lines', async () => {
      const numbers = await page.locator('.editor-instance .line-numbers').allInnerTexts();
      const rows = await page.locator('.editor-instance .view-line').count();
      return numbers.filter((n) => n.trim() !== '').length < rows;
    });
  });

  await test('an answer of a short chat has its figures in a lens', async () => {
    await workbench.openFile('chat.md');
    await until('two lenses', async () => {
      const all = (await workbench.lenses()).join('\n');
      return all.match(/q05 .+ · mean .+ · q95 − q05 /g)?.length === 2 || Promise.reject(all);
    });
    await workbench.closeEditors();
  });

  await test('an automatic audit says in the status bar how far it is', async () => {
    await workbench.openFile('whole.jsonl');
    await until('its progress', async () =>
      (await workbench.statusItems()).some(({ text }) =>
        /QRM Lens: whole\.jsonl: .*rows?/.test(text),
      ),
    );
    await workbench.closeEditors();
  });

  await test('findings of a closed file stay away when settings change', async () => {
    await workbench.openFile('pairs.jsonl');
    await workbench.settledFindings();
    await workbench.closeEditors();
    await noProblems('no finding of a closed file');
    await workbench.closePanel();
    // The editor does not see what others write into the user's settings. Of two responses a share says nothing.
    await folderSettings({ ...JSON.parse(settings()), 'qrmLens.thresholds.tail': '1000' });
    await workbench.openFile('chat.md');
    await until('the new threshold', async () => (await shown()).length > 0);
    assert.ok((await shown()).every((row) => !/pairs/.test(row)));
    await workbench.closePanel();
  });

  await test('a command clears the findings of a file', async () => {
    await until('findings', async () => (await shown()).length > 0);
    await workbench.closePanel();
    await workbench.command('QRM Lens: Clear Findings');
    await noProblems('no finding');
    await workbench.closePanel();
    await folderSettings({ ...JSON.parse(settings()), 'qrmLens.thresholds.tail': undefined });
    await workbench.closeEditors();
  });

  await test('a compressed file opens as text, with its findings', async () => {
    await workbench.openFile('packed.jsonl.gz');
    await workbench.command('QRM Lens: Open the Text of a Compressed File (Read-Only)');
    await page.locator('.tab.active[data-resource-name="packed.jsonl"]').waitFor();
    const found = await workbench.settledFindings();
    assert.ok(found.length > 0);
    await workbench.closeEditors();
  });

  await test('a file that is renamed keeps its dashboard', async () => {
    await workbench.openFile('old.jsonl');
    await workbench.command('QRM Lens: Open Dashboard');
    await workbench.webview('.dashboard canvas');
    await workbench.focusEditor();
    await page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'old.jsonl' }).click();
    await page.keyboard.press('F2');
    await page.locator('.explorer-folders-view .monaco-inputbox input').fill('new.jsonl');
    await page.keyboard.press('Enter');
    await page.locator('.tab', { hasText: 'QRM Lens: new.jsonl' }).waitFor({ timeout: 60_000 });
    await workbench.closeEditors();
    renameSync(join(folder, 'new.jsonl'), join(folder, 'old.jsonl'));
  });

  await test('a finding leads to its section, in the preview', async () => {
    await workbench.openFile('pairs.jsonl');
    await workbench.settledFindings();
    await workbench.problems();
    await page.locator('.markers-panel a:has(.marker-code)').first().click();
    const preview = await workbench.webview('h1');
    assert.match(await preview.locator('h1').first().innerText(), /^[a-z]+(-[a-z]+)*$/);
    await workbench.closePanel();
    await workbench.closeEditors();
  });

  await test('the dashboard lists malformed rows, and leads to them', async () => {
    await workbench.openFile('broken.jsonl');
    await workbench.command('QRM Lens: Open Dashboard');
    const view = await workbench.webview('.dashboard .malformed:not([hidden])');
    await view.locator('.malformed summary').click();
    const items = view.locator('.malformed li');
    await until('both rows', async () => (await items.count()) === 2);
    await items.nth(1).locator('button').click();
    await workbench.cursorAt('the malformed row', ({ line }) => line === 10);
    await workbench.closeEditors();
  });

  await test('rows of Parquet carry their figures and findings', async () => {
    await workbench.openFile('rows.parquet');
    await workbench.command('QRM Lens: Show Rows');
    const rows = await workbench.webview('section h2');
    await rows.getByRole('link', { name: 'Audit this file' }).click();
    await workbench.notification(/11\d responses scored/, { timeout: 120_000 });
    const marked = await workbench.webview('section.found .score');
    assert.match(await marked.locator('.score').first().innerText(), /^q05 .+ · mean /);
    await workbench.clearNotifications();
    await workbench.closeEditors();
  });

  await test('beside a text the density comes before the figures, and CVaR is not q05', async () => {
    await workbench.openFile('pairs.jsonl');
    await workbench.settledFindings();
    await workbench.goToLine(1, 200);
    await workbench.command('QRM Lens: Show Distribution at Cursor');
    const view = await workbench.webview('.detail .card');
    const density = await view.locator('.chart-frame.density canvas').boundingBox();
    const table = await view.locator('.figure-table table').boundingBox();
    assert.ok(density.y + density.height <= table.y, JSON.stringify({ density, table }));
    assert.match(await view.locator('.figure-table').innerText(), /CVaR 20 %/);
    assert.match(
      await view.locator('.chart-frame.quantile-function .note').innerText(),
      /^Flat beyond/,
    );
    await workbench.closeEditors();
  });

  await test('the sample of the walkthrough opens and is audited', async () => {
    await workbench.command('QRM Lens: Open the Sample Data Set');
    assert.ok((await workbench.settledFindings()).length > 0);
  });
}
