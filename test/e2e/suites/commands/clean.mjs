// QRM Lens: Clean… and quick fixes for all rows of a file: the refactor preview comes first.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TINY } from '../../data.mjs';
import { until } from '../../until.mjs';
import { openWorkspace } from '../../workbench/workspace.mjs';

const FILE = 'pairs.jsonl';
const ROWS = 12;

export default async function (suite, editor) {
  const { test } = suite;
  const settings = {
    ...TINY,
    'qrmLens.autoAudit': 'auto',
    'qrmLens.thresholds.inverted': '0.5',
  };
  const own = Array.from({ length: ROWS }, (_, n) =>
    JSON.stringify({
      prompt: `Question ${n}?`,
      chosen: `Answer ${n}, ${'in words '.repeat(n % 4)}`,
      rejected: `No ${n * n}${'!'.repeat(n % 3)}`,
    }),
  );
  const lines = [...own, own[1], own[4]];
  const { folder, workbench, page } = await openWorkspace(
    suite,
    editor,
    { settings },
    { [FILE]: `${lines.join('\n')}\n`, '.vscode/settings.json': '{}' },
  );
  const saved = () => readFileSync(join(folder, FILE), 'utf8').trimEnd().split('\n');
  const panel = page.locator('.bulk-edit-panel:visible');
  const button = (name) => panel.locator('.monaco-button', { hasText: name });
  const previewed = async () => {
    await panel.waitFor({ timeout: 60_000 });
    await until('the file in the preview', async () => (await panel.innerText()).includes(FILE));
  };
  /** What needs a confirmation is not ticked when the preview opens; the first tick is of all. */
  const applied = async () => {
    await previewed();
    const tick = panel.locator('input.edit-checkbox').first();
    await until('a tick', async () => {
      if (!(await tick.isChecked())) await tick.click();
      return tick.isChecked();
    });
    await button('Apply').click();
    await panel.waitFor({ state: 'hidden' });
    await workbench.focusEditor();
    await workbench.save();
  };
  const labels = async () => (await workbench.picks()).map(({ label }) => label);
  await workbench.openFile(FILE);
  await workbench.settledFindings({ atLeast: 2 });

  await test('Clean… offers what the findings ask for, and discards what is not wanted', async () => {
    await workbench.command('QRM Lens: Clean');
    const offered = await labels();
    assert.match(offered.join('\n'), /Swap all inverted pairs of this file \(\d+\)/);
    assert.match(offered.join('\n'), /Delete all duplicates of this file \(2\)/);
    await workbench.choose('Delete all duplicates');
    await previewed();
    await button('Discard').click();
    await panel.waitFor({ state: 'hidden' });
    assert.deepEqual(saved(), lines);
    assert.equal(await page.locator('.tab.active.dirty').count(), 0);
  });

  await test('what is applied in the preview is the file without its duplicates', async () => {
    await workbench.focusEditor();
    await workbench.command('QRM Lens: Clean');
    await workbench.choose('Delete all duplicates');
    await applied();
    assert.deepEqual(saved(), own);
  });

  await test('a quick fix turns all inverted pairs of the file, after its preview', async () => {
    await workbench.focusEditor();
    const found = await until('an inverted pair', async () =>
      (await workbench.findings()).find(({ code }) => code === 'inverted-pair'),
    );
    await workbench.command('QRM Lens: Clean');
    const count = Number(/Swap all inverted pairs of this file \((\d+)\)/.exec((await labels()).join('\n'))[1]); // prettier-ignore
    await workbench.closeQuickInput();
    await workbench.goToLine(found.line, found.column + 1);
    await workbench.applyCodeAction('Swap all inverted pairs of this file');
    await applied();
    const now = saved();
    assert.equal(now.length, own.length);
    const turned = now.filter((text, n) => text !== own[n]);
    assert.ok(count > 0);
    assert.equal(turned.length, count);
    for (const [n, text] of now.entries()) {
      if (text === own[n]) continue;
      const { prompt, chosen, rejected } = JSON.parse(own[n]);
      assert.equal(text, JSON.stringify({ prompt, chosen: rejected, rejected: chosen }));
    }
  });
}
