// The pictures of the README: the extension with the embedded model, light and dark, nothing else on the screen.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EMBEDDED, picturedLines, rawResponse, root } from '../../data.mjs';
import { until, untilStill } from '../../until.mjs';
import { openWorkspace } from '../../workbench/workspace.mjs';

const FILE = 'pairs.jsonl';
const THEMES = { dark: 'Dark Modern', light: 'Light Modern' };

export default async function (suite, editor) {
  const { test } = suite;
  const { workbench, page } = await openWorkspace(
    suite,
    editor,
    {
      settings: {
        ...EMBEDDED,
        'breadcrumbs.enabled': false,
        'editor.cursorBlinking': 'solid',
        'editor.lightbulb.enabled': 'off',
        'editor.occurrencesHighlight': 'off',
        'editor.selectionHighlight': false,
        'editor.stickyScroll.enabled': false,
      },
    },
    { [FILE]: `${picturedLines().join('\n')}\n` },
  );
  const images = join(root, 'docs', 'images');
  mkdirSync(images, { recursive: true });
  const picture = async (name, hovering = false) => {
    if (!hovering) await page.mouse.move(24, 650);
    // Animations and late lenses are over when the screen no longer changes.
    const shot = async () => (await page.screenshot()).toString('base64');
    const still = await untilStill('the screen', shot, { every: 400, timeout: 30_000 });
    const bytes = Buffer.from(still, 'base64');
    assert.ok(bytes.length > 30_000);
    writeFileSync(join(images, `${name}.png`), bytes);
  };
  await workbench.openFile(FILE);
  const all = await workbench.settledFindings({ atLeast: 5 });
  // VS Code shows no more than 250 pixels of a hover: a finding that stands alone leaves room for ours.
  const alone = (f) => all.filter((g) => g.line === f.line && g.column === f.column).length === 1;
  const finding = all.find((f) => f.code === 'low-left-tail' && alone(f)) ?? all[0];
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
      await picture(`editor-${name}`, true);
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
      await until('the chart', () => detail.locator('.chart-frame.density canvas').isVisible());
      await picture(`distribution-${name}`);
      await page.keyboard.press('Control+2');
      await page.keyboard.press('Control+W');
      await workbench.focusEditor();
    });
  }
}
