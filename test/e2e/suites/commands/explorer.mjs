// What the explorer and the keys offer, what is taken away again, and whether the views still say the truth then.
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { TINY, harmlessLines } from '../../data.mjs';
import { until } from '../../until.mjs';
import { openWorkspace } from '../../workbench/workspace.mjs';

const number = (text) => Number(text.replaceAll(/[,\u202f\u00a0 ]/g, ''));

/** Contrast (WCAG 2.2) to the ground of the orange pixel that differs most from it: letters are smoothed at their edges. */
const orangeContrast = (canvas) =>
  canvas.evaluate((c) => {
    const linear = (v) =>
      v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4;
    const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    const ground = getComputedStyle(document.body)
      .getPropertyValue('--vscode-editor-background')
      .trim()
      .replace(/^#(.)(.)(.)$/, '#$1$1$2$2$3$3');
    const below = luminance([1, 3, 5].map((at) => Number.parseInt(ground.slice(at, at + 2), 16)));
    const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);
    let most = 0;
    for (let i = 0; i < data.length; i += 4) {
      const [r, g, b, a] = data.subarray(i, i + 4);
      if (a < 255 || r - b < 60 || r <= g || g <= b) continue;
      const own = luminance([r, g, b]);
      most = Math.max(most, (Math.max(own, below) + 0.05) / (Math.min(own, below) + 0.05));
    }
    return most;
  });

export default async function (suite, editor) {
  const { test } = suite;
  const lines = harmlessLines();
  const pairs = (from, to) => `${lines.slice(from, to).join('\n')}\n`;
  const { workbench, page } = await openWorkspace(
    suite,
    editor,
    { settings: { ...TINY, 'qrmLens.thresholds.tail': '50%' } },
    {
      'a.jsonl': pairs(0, 12),
      'b.jsonl': pairs(20, 30),
      'packed.jsonl.gz': gzipSync(pairs(40, 50)),
      'sets/c.jsonl': pairs(60, 70),
    },
  );
  const shown = async () => (await workbench.problems()).filter((row) => /QRM Lens/.test(row));
  const some = (what) => until(what, async () => (await shown()).length > 0, { timeout: 120_000 });
  const none = (what) => until(what, async () => (await shown()).length === 0);
  const item = (name) =>
    page.locator('.explorer-folders-view .monaco-list-row', { hasText: name }).first();
  /** Titles of the product's submenu on what `names` are in the explorer; `choose` presses one. */
  const menu = async (names, choose) => {
    const entries = page.locator('.monaco-menu .action-label');
    return until('the menu', async () => {
      // Of another try. An Escape in the explorer itself would take the selection away.
      for (let n = 0; n < 3 && (await entries.count()) > 0; n += 1)
        await page.keyboard.press('Escape');
      for (const [n, name] of names.entries())
        await item(name).click({ modifiers: n > 0 ? ['Control'] : [], timeout: 5000 });
      await item(names.at(-1)).click({ button: 'right', timeout: 5000 });
      await entries.filter({ hasText: /^QRM Lens$/ }).click({ timeout: 5000 });
      const last = page.locator('.monaco-menu').last();
      await last.locator('.action-label', { hasText: 'Clear Findings' }).waitFor({ timeout: 5000 });
      const titles = await last.locator('.action-label').allInnerTexts();
      await last.locator('.action-label', { hasText: choose }).click({ timeout: 5000 });
      await entries.first().waitFor({ state: 'hidden', timeout: 5000 });
      return titles.filter((title) => title !== '');
    });
  };
  const tile = async (view) => {
    const dd = view.locator('.tile').first();
    return `${await dd.locator('.value').first().innerText()} ${await dd.locator('dd').first().innerText()}`;
  };

  await test('two files selected in the explorer are compared, and cleared together', async () => {
    const titles = await menu(['a.jsonl', 'b.jsonl'], 'Compare Two Files…');
    assert.ok(!titles.includes('Audit This File'), titles.join());
    const view = await workbench.webview('.dashboard .against');
    await until('both names', async () =>
      /^a\.jsonl\s+against\s+b\.jsonl$/.test(await view.locator('h1').innerText()),
    );
    await some('findings');
    assert.ok((await shown()).length > 1);
    await workbench.closePanel();
    // The page was opened beside the text: its tab makes it the one that the command is about.
    await page.locator('.tab', { hasText: 'QRM Lens: ' }).click();
    await page
      .locator('.editor-group-container.active .tab.active', { hasText: 'QRM Lens: ' })
      .waitFor();
    await workbench.command('QRM Lens: Clear Findings');
    await none('no finding of either file');
    await workbench.closePanel();
    await workbench.closeEditors();
  });

  await test("a folder is audited and cleared by the explorer's entries", async () => {
    await workbench.closeEditors();
    await workbench.command('QRM Lens: Clear Findings of All Files');
    await none('nothing of what was before');
    await workbench.closePanel();
    await menu(['sets'], 'Audit Folder…');
    await workbench.notification(/1 file, 20 responses scored\.$/, { timeout: 120_000 });
    await workbench.clearNotifications();
    await some('findings');
    await menu(['sets'], 'Clear Findings');
    await none('no finding of the folder');
    await workbench.closePanel();
  });

  await test('keys audit a file, open its dashboard and a distribution', async () => {
    await workbench.openFile('a.jsonl');
    await workbench.goToLine(2, 200);
    const chord = async (key) => {
      await workbench.focusEditor();
      await page.keyboard.press('Control+K');
      await page.keyboard.press(key);
    };
    await chord('a');
    await workbench.notification(/^QRM Lens: 24 responses scored, \d+ findings?\.$/, {
      timeout: 120_000,
    });
    await workbench.clearNotifications();
    await chord('q');
    const detail = await workbench.webview('.detail .card');
    assert.match(await detail.locator('h1').innerText(), /line 2$/);
    await chord('b');
    await workbench.webview('.dashboard canvas');
  });

  await test('the table has the gravest findings on top', async () => {
    const view = await workbench.webview('.dashboard canvas');
    const cells = view.locator('.rows .row .cell.severity');
    await cells.first().waitFor();
    const known = (await cells.allTextContents())
      .map((said) => ['error', 'warning', 'info'].findIndex((s) => said.startsWith(s)))
      .filter((n) => n >= 0);
    assert.ok(known.length > 3, `${known.length} of a known severity`);
    assert.deepEqual(
      known,
      [...known].sort((a, b) => a - b),
    );
  });

  await test('rows that are deleted are counted nowhere', async () => {
    const view = await workbench.webview('.dashboard canvas');
    await until(
      'all',
      async () => /^24\b/.test(await tile(view)) || Promise.reject(await tile(view)),
    );
    await workbench.focusEditor();
    await workbench.selectLines(3, 4);
    await page.keyboard.press('Control+Shift+K');
    await until('20 responses and no "of"', async () => {
      const text = await tile(view);
      return (/^20\b/.test(text) && !/\bof\b/.test(text)) || Promise.reject(new Error(text));
    });
    await workbench.focusEditor();
    await page.keyboard.press('Control+Z');
    await until('all again', async () => /^24\b/.test(await tile(view)));
  });

  await test('in high contrast the amber of the tail can be read', async () => {
    const detail = await workbench.webview('.detail .card');
    const canvas = detail.locator('.chart-frame.density canvas');
    for (const theme of [
      'Dark High Contrast',
      'Light High Contrast',
      'Light Modern',
      'Dark Modern',
    ]) {
      await workbench.setTheme(theme);
      await until(`amber of 4.5:1 in ${theme}`, async () => {
        const ratio = await orangeContrast(canvas);
        return ratio >= 4.5 || Promise.reject(new Error(`${ratio}:1`));
      });
    }
    await workbench.closeEditors();
  });

  await test("a hover's picture fits its box", async () => {
    await workbench.openFile('b.jsonl');
    await workbench.settledFindings();
    const piece = await until('a squiggle', async () => (await workbench.squiggles())[0]);
    const hover = await workbench.hover(
      (piece.left + piece.right) / 2,
      (piece.top + piece.bottom) / 2,
    );
    const picture = hover.locator('img[alt="reward distribution"]').first();
    await picture.waitFor();
    const [inner, outer] = [await picture.boundingBox(), await hover.boundingBox()];
    assert.ok(inner.width > 50 && inner.x >= outer.x, JSON.stringify({ inner, outer }));
    assert.ok(inner.x + inner.width <= outer.x + outer.width, JSON.stringify({ inner, outer }));
    const wide = await hover.evaluate((box) => box.scrollWidth - box.clientWidth);
    assert.ok(wide <= 1, `${wide} pixels are out of sight`);
    await page.mouse.move(5, 5);
    await workbench.closeEditors();
  });

  await test('a row of a compressed file leads into its text', async () => {
    await menu(['packed.jsonl.gz'], 'Open Dashboard');
    const view = await workbench.webview('.dashboard canvas');
    const row = view.locator('.rows .row').first();
    await row.waitFor();
    const line = number(await row.locator('.cell.line').innerText());
    await row.dblclick();
    await page.locator('.tab[data-resource-name="packed.jsonl"]').waitFor();
    await workbench.cursorAt(`line ${line}`, (at) => at.line === line);
    await workbench.closeEditors();
  });
}
