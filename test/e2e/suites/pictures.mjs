// The pictures of the README: the extension with the embedded model, light and dark, nothing else on the screen.
import assert from 'node:assert/strict';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EMBEDDED, makeFolder, picturedLines, rawResponse, root } from '../data.mjs';
import { openWorkbench, until } from '../workbench.mjs';

const FILE = 'pairs.jsonl';
const THEMES = { dark: 'Dark Modern', light: 'Light Modern' };

export default async function (suite, { browser, host: start }) {
  const { test, defer } = suite;
  const host = await start({
    settings: { ...EMBEDDED, 'breadcrumbs.enabled': false, 'editor.stickyScroll.enabled': false },
  });
  defer(() => host.stop());
  const folder = makeFolder(host.home, 'workspace', { [FILE]: `${picturedLines().join('\n')}\n` });
  const workbench = await openWorkbench(browser, host, folder);
  suite.workbench = workbench;
  defer(() => workbench.close());
  const { page } = workbench;
  const images = join(root, 'docs', 'images');
  mkdirSync(images, { recursive: true });
  const picture = async (name) => {
    await page.waitForTimeout(1200);
    const path = join(images, `${name}.png`);
    await workbench.screenshot(path);
    assert.ok(statSync(path).size > 30_000);
  };
  await workbench.openFile(FILE);
  const all = await workbench.settledFindings({ atLeast: 5 });
  const finding =
    all.find(({ code }) => code === 'low-left-tail') ??
    all.find(({ code }) => code === 'inverted-pair');
  const response = ['chosen', 'rejected']
    .map((field) => rawResponse(picturedLines()[finding.line - 1], field))
    .find(({ column }) => column + 1 === finding.column);
  await page.keyboard.press('Control+B');

  for (const [name, theme] of Object.entries(THEMES)) {
    await test(`editor, dashboard and distribution in ${name}`, async () => {
      await workbench.setTheme(theme);
      await workbench.focusEditor();
      await workbench.goToLine(finding.line, finding.column);
      const { text } = response;
      const piece = await until('its squiggle', async () =>
        (await workbench.squiggles()).find((p) => p.text.length > 8 && text.startsWith(p.text)),
      );
      await workbench.hover(piece.left + 40, (piece.top + piece.bottom) / 2);
      await until('the hover', async () =>
        /Pulling most/.test(await page.locator('.monaco-hover:visible').innerText()),
      );
      await picture(`editor-${name}`);
      await page.mouse.move(24, 600);
      await page.keyboard.press('Escape');

      await workbench.command('QRM Lens: Open Dashboard');
      const dashboard = await workbench.webview('.dashboard canvas');
      await until('the end of the audit', async () =>
        /^Scored with/.test(await dashboard.locator('.state').first().innerText()),
      );
      await picture(`dashboard-${name}`);
      await page.keyboard.press('Control+2');
      await page.keyboard.press('Control+W');

      await workbench.focusEditor();
      await workbench.command('QRM Lens: Show Distribution at Cursor');
      const detail = await workbench.webview('.detail .card');
      await until('the chart', () => detail.locator('.figure.density canvas').isVisible());
      await picture(`distribution-${name}`);
      await page.keyboard.press('Control+2');
      await page.keyboard.press('Control+W');
      await workbench.focusEditor();
    });
  }
}
