// The policy preview over sets of completions: curves, sliders, the prompts whose choice changes.
import assert from 'node:assert/strict';
import { TINY } from '../../data.mjs';
import { until } from '../../until.mjs';
import { openWorkspace } from '../../workbench/workspace.mjs';

const FILE = 'sets.jsonl';
const HOSTILE = '<img src=x onerror="document.title=1">';
const rows = Array.from({ length: 24 }, (_, p) => ({
  prompt: `Question ${p}: what then?`,
  completions: Array.from(
    { length: 6 },
    (_, n) => `${n === 0 ? HOSTILE : 'Answer'} ${p * 7 + n * n} of ${(p * 31 + n * 17) % 100}.`,
  ),
}));

export default async function (suite, editor) {
  const { test } = suite;
  const { workbench } = await openWorkspace(
    suite,
    editor,
    { settings: TINY },
    { [FILE]: rows.map((row) => `${JSON.stringify(row)}\n`).join('') },
  );
  await workbench.openFile(FILE);
  await workbench.command('QRM Lens: Policy Preview');
  const view = await workbench.webview('.policy canvas');
  // Not the row's inner text: of a view that is not drawn yet it has no white space between cells.
  const cells = () =>
    view
      .locator('.policy-table tbody tr')
      .evaluateAll((rows) =>
        rows.map(({ cells: all }) => [...all].map((one) => one.textContent.trim()).join(' ')),
      );

  await test('every response is a sample, and every objective has its row', async () => {
    await until('the samples', async () =>
      (await view.locator('.policy-head').innerText()).includes('144 responses to 24 prompts'),
    );
    const found = await cells();
    assert.equal(found.length, 5);
    assert.match(found[0], /^reference 0\.00 /);
    for (const [n, name] of [/^mean/, /^ce\(lambda=/, /^q05/, /^cvar20/].entries())
      assert.match(found[n + 1].trim(), name);
  });

  await test('a slider redraws at once', async () => {
    const before = await cells();
    const slider = view.locator('.policy .controls input').first();
    await slider.focus();
    for (let n = 0; n < 20; n += 1) await slider.press('ArrowRight');
    await until('other figures', async () => (await cells())[1] !== before[1]);
    assert.equal((await cells())[0], before[0]);
  });

  await test('a click lists the prompts whose choice changes, as text', async () => {
    await view.locator('.policy-table tbody tr').nth(3).locator('button').click();
    const title = view.locator('.changes h2');
    await until('the list', async () => (await title.count()) === 1);
    const [, changed] = /^([\d,]+) prompts? of 24/.exec(await title.innerText()) ?? [];
    assert.ok(Number(changed) > 0);
    assert.equal(await view.locator('.changes article').count(), Number(changed));
    const excerpts = view.locator('.changes .excerpt');
    await until('the texts', async () => !(await excerpts.allInnerTexts()).includes('…'));
    assert.equal(await view.locator('.changes img').count(), 0);
  });
}
