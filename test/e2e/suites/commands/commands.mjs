// Audits by command: a selection, a folder, two files against each other; and the ways to stop one.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { TINY, harmlessLines, rawResponse } from '../../data.mjs';
import { until, untilStill } from '../../until.mjs';
import { openWorkspace } from '../../workbench/workspace.mjs';

const SMALL = 'small.jsonl';
const OTHER = 'other.jsonl';
const WHOLE = 'whole.jsonl';
const number = (text) => Number(text.replaceAll(/[,\u202f\u00a0 ]/g, ''));

export default async function (suite, editor) {
  const { test } = suite;
  const lines = harmlessLines();
  const file = (from, to) => `${lines.slice(from, to).join('\n')}\n`;
  const { folder, workbench, page } = await openWorkspace(
    suite,
    editor,
    {
      settings: { ...TINY, 'qrmLens.autoAudit': 'off', 'qrmLens.thresholds.tail': '1000' },
    },
    {
      [WHOLE]: file(0),
      [`sets/${SMALL}`]: file(0, 12),
      [`sets/deep/${OTHER}`]: file(20, 30),
      'sets/README.md': '# Not a dataset\n',
      'sets/settings.json': '{"editor.fontSize": 12}\n',
    },
  );
  const dashboard = async () => {
    await workbench.command('QRM Lens: Open Dashboard');
    return workbench.webview('.dashboard .state');
  };
  const state = (view) => view.locator('.state').first().innerText();
  const scored = async (view) => number(await view.locator('.tile .value').first().innerText());

  await test('nothing is scored unasked when that is switched off', async () => {
    await workbench.openFile(SMALL);
    await workbench.lenses();
    assert.deepEqual(await workbench.findings(), []);
  });

  await test('a selection: only the responses of its rows', async () => {
    await workbench.selectLines(3, 4);
    await workbench.command('QRM Lens: Audit Selection');
    const found = await workbench.settledFindings({ atLeast: 4 });
    assert.deepEqual([...new Set(found.map(({ line }) => line))].sort(), [3, 4]);
    const tails = found.filter(({ code }) => code === 'low-left-tail');
    const places = [3, 4].flatMap((line) =>
      ['chosen', 'rejected'].map(
        (field) => `${line}:${rawResponse(lines[line - 1], field).column + 1}`,
      ),
    );
    assert.deepEqual(tails.map(({ line, column }) => `${line}:${column}`).sort(), places.sort());
  });

  await test('a folder: every dataset in it, and nothing else', async () => {
    await workbench.command('QRM Lens: Audit Folder…');
    await workbench.fileDialog(join(folder, 'sets'));
    await workbench.notification(/2 files, 44 responses scored\.$/, { timeout: 120_000 });
    await workbench.clearNotifications();
  });

  await test('two files in one dashboard', async () => {
    await workbench.openFile(SMALL);
    await workbench.command('QRM Lens: Compare Two Files…');
    await workbench.fileDialog(join(folder, 'sets', 'deep', OTHER));
    const view = await workbench.webview('.dashboard .against');
    await until(
      'both names',
      async () =>
        (await view.locator('h1').innerText()).replaceAll(/\s+/g, ' ') ===
        `${SMALL} against ${OTHER}`,
    );
    const values = view.locator('.tile').first().locator('.value');
    await until('both counts', async () => {
      const all = (await values.allInnerTexts()).map(number);
      return all.length === 2 && all[0] === 24 && all[1] === 20;
    });
    // A click leads into the file that the row is of.
    const row = view.locator('.rows .row.second').first();
    const line = number(await row.locator('.cell.line').innerText());
    await row.dblclick();
    await page.locator(`.tab[data-resource-name="${OTHER}"]`).waitFor();
    await workbench.cursorAt(`line ${line} of the second file`, (at) => at.line === line);
    await workbench.closeEditors();
  });

  /** Begins the audit of the whole file and waits until it scores. */
  const begin = async () => {
    await workbench.openFile(WHOLE);
    const view = await dashboard();
    await workbench.focusEditor();
    await workbench.command('QRM Lens: Audit This File');
    const before = await scored(view);
    await until('scores', async () => (await scored(view)) > before + 10, { timeout: 120_000 });
    assert.match(await state(view), /^Scoring with/);
    return view;
  };
  /** The audit has stopped, says so, and nothing is told as an error. */
  const stopped = async (view) => {
    await until('the end', async () => /^Cancelled/.test(await state(view)));
    const kept = await untilStill('the number of scores', () => scored(view), { times: 6 });
    assert.ok(kept > 10 && kept < 2 * lines.length, `${kept} scored`);
    await until('no progress', async () =>
      (await workbench.notifications()).every((text) => !/^Auditing/.test(text)),
    );
    assert.deepEqual(await workbench.notifications(), []);
  };

  await test("the message's Cancel button stops an audit", async () => {
    const view = await begin();
    await workbench.notification(/Auditing whole\.jsonl/);
    await workbench.answer('Auditing whole.jsonl', 'Cancel');
    await stopped(view);
  });

  await test('the command stops an audit', async () => {
    const view = await begin();
    await workbench.command('QRM Lens: Cancel Audit');
    await stopped(view);
  });
}
