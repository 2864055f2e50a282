// Models are evaluated from the editor: the table with its intervals, the charts, the wrong items and their rows.
import assert from 'node:assert/strict';
import { TINY, harmlessLines } from '../../data.mjs';
import { until } from '../../until.mjs';
import { openWorkspace } from '../../workbench/workspace.mjs';

const FILE = 'pairs.jsonl';
const ROWS = 80;
const HOSTILE = '<img src=x onerror="document.title=1">';

/** Pairs of two subsets; the second's prompts hold markup. */
const lines = harmlessLines()
  .slice(0, ROWS)
  .map((line, n) => {
    const { chosen, rejected } = JSON.parse(line);
    const mark = (text) => text.replace('Human: ', `Human: ${HOSTILE} (${n}) `);
    return JSON.stringify({
      id: `pair-${n}`,
      subset: n % 2 === 0 ? 'harmless' : 'honest',
      chosen: mark(chosen),
      rejected: mark(rejected),
    });
  });

export default async function (suite, editor) {
  const { test } = suite;
  const { workbench, page } = await openWorkspace(
    suite,
    editor,
    { settings: TINY },
    { [FILE]: `${lines.join('\n')}\n` },
  );
  await workbench.openFile(FILE);
  await workbench.command('QRM Lens: Evaluate…');

  await test('the models at hand are offered, that of the settings chosen', async () => {
    const rows = await workbench.picks();
    assert.ok(rows.some(({ text }) => /llama3-qrm-k5-m3/.test(text)));
    assert.ok(rows.some(({ text }) => /default/.test(text)));
    await page.keyboard.press('Enter');
  });
  const view = await workbench.webview('.evaluation table', { timeout: 240_000 });

  await test('the table has the model with its interval in figures and drawn', async () => {
    const table = view.locator('.evaluation-table').first();
    await until('the row', async () => /to/.test(await table.innerText()));
    const text = await table.innerText();
    assert.match(text, /llama3-qrm-k5-m3/);
    assert.match(text, /\d+\.\d \(\d+\.\d to \d+\.\d\)/);
    const width = await table
      .locator('tbody tr')
      .first()
      .locator('.interval .bar')
      .evaluate((bar) => bar.getBoundingClientRect().width);
    assert.ok(width > 10);
    assert.match(await view.locator('.evaluation-head').innerText(), /Evaluation: pairs\.jsonl/);
    const subsets = view.locator('.evaluation-table').nth(1);
    assert.match(await subsets.innerText(), /harmless[\s\S]*honest/);
  });

  await test('risk-coverage curve and reliability diagram are drawn, and told in words', async () => {
    for (const name of ['risk-coverage', 'reliability']) {
      const canvas = view.locator(`.${name} canvas`);
      const box = await canvas.boundingBox();
      assert.ok(box.width > 200 && box.height > 100);
      const words = await canvas.getAttribute('aria-describedby');
      assert.match(await view.locator(`#${words}`).innerText(), /llama3-qrm-k5-m3/);
    }
    // By the keyboard alone.
    await view.locator('.risk-coverage canvas').focus();
    await page.keyboard.press('ArrowRight');
    const live = view.locator('.risk-coverage [aria-live]');
    await until('what is said', async () => /right \d/.test(await live.innerText()));
  });

  await test('wrong items are text, and jump to their rows', async () => {
    const list = view.locator('.wrong li');
    const heading = await view.locator('.wrong h2').innerText();
    const [, count] = /^(\d+) wrong items/.exec(heading);
    assert.equal(await list.count(), Number(count));
    assert.equal(await view.locator('.wrong img').count(), 0);
    const third = list.nth(2);
    const [, line] = /line (\d+)/.exec(await third.innerText());
    assert.match(await third.innerText(), new RegExp(`pair-${Number(line) - 1} `));
    await third.locator('button').focus();
    await page.keyboard.press('Enter');
    await until('the cursor', async () => (await workbench.position())?.line === Number(line));
  });

  await test('a reload shows the same result again', async () => {
    const before = await view.locator('.evaluation-table').first().innerText();
    await workbench.stored(/qrmLens\.evaluation/);
    await workbench.reload();
    const again = await workbench.webview('.evaluation table', { timeout: 120_000 });
    await until('the table', async () => {
      const now = await again.locator('.evaluation-table').first().innerText();
      return now === before;
    });
  });
}
