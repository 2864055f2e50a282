// CSV and Parquet with a payload in every field: read, scored, shown as text, exported as text.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { answered, harmlessLines, harmlessPairs } from '../../data.mjs';
import { BEACON, HOSTILE, PAYLOADS, hostileRecords, watchPayloads } from '../../payloads.mjs';
import { csvOf, parquetOf } from '../../tables.mjs';
import { until } from '../../until.mjs';
import { openWorkspace } from '../../workbench/workspace.mjs';

const CSV = 'hostile.csv';
const PARQUET = 'hostile.parquet';
const CLEAN = 'pairs.parquet';
const PAIRS = 120;
const SCORED = answered(harmlessLines().slice(0, PAIRS));
const SHOWN = `<img src="${BEACON}/img"`;

export default async function (suite, editor) {
  const { test } = suite;
  const records = hostileRecords();
  const { folder, workbench, page } = await openWorkspace(
    suite,
    editor,
    { settings: HOSTILE },
    {
      [CSV]: csvOf(records),
      [PARQUET]: parquetOf(records),
      [CLEAN]: parquetOf(harmlessPairs(PAIRS)),
    },
  );
  const harmless = watchPayloads(page);
  const rows = (view) => view.locator('section');
  /** Parquet belongs to whoever the user chose for it: our rows are asked for. */
  const open = async (file) => {
    await workbench.openFile(file);
    if (file.endsWith('.parquet')) await workbench.command('QRM Lens: Show Rows');
  };

  /** Exports the HTML report of the active file and opens it as the user would. */
  const report = async (name) => {
    await workbench.clearNotifications();
    await workbench.command('QRM Lens: Export Report…');
    await workbench.choose(/^HTML$/);
    await workbench.fileDialog(join(folder, name));
    await workbench.notification(/findings written to/);
    const other = await workbench.context.newPage();
    const check = watchPayloads(other);
    await other.goto(pathToFileURL(join(folder, name)).href);
    const text = await other.locator('body').innerText();
    await check();
    await other.close();
    return text;
  };

  await test('the rows of a Parquet file are a page, a screenful at a time', async () => {
    await open(CLEAN);
    const view = await workbench.webview('section');
    assert.match(await view.locator('nav').innerText(), /Rows 1–50 of 120/);
    assert.equal(await rows(view).count(), 50);
    assert.match(await rows(view).first().innerText(), /Row 1\n[\s\S]*chosen[\s\S]*rejected/);
    await view.getByRole('link', { name: /Next/ }).click();
    const next = await workbench.webview('h2:text-is("Row 51")');
    await next.getByRole('link', { name: /Next/ }).click();
    const last = await workbench.webview('h2:text-is("Row 120")');
    assert.equal(await rows(last).count(), 20);
    assert.equal(await last.getByRole('link', { name: /Next/ }).count(), 0);
  });

  await test('an audit from its page tells what was found; a finding leads to its row', async () => {
    const page1 = await workbench.webview('nav');
    await page1.getByRole('link', { name: 'Audit this file' }).click();
    await workbench.notification(new RegExp(`${SCORED} responses scored`), { timeout: 180_000 });
    // The page is drawn anew when the audit ends: a frame found just before is gone.
    await until('the link to the dashboard', async () => {
      const view = await workbench.webview(`nav:has-text("${SCORED} scored")`);
      await view.getByRole('link', { name: 'Dashboard' }).click({ timeout: 5000 });
      return true;
    });
    const dashboard = await workbench.webview('.dashboard canvas');
    const row = dashboard.locator('.rows .row[data-n="0"]');
    const line = Number(await row.locator('.cell.line').innerText());
    await row.dblclick();
    const marked = await workbench.webview('section.marked');
    assert.match(await marked.locator('section.marked').innerText(), new RegExp(`^Row ${line}\\n`));
    await workbench.closeEditors();
  });

  await test('payloads of a Parquet file are text in its page', async () => {
    await open(PARQUET);
    const view = await workbench.webview('section');
    const text = await view.locator('body').innerText();
    assert.equal(await rows(view).count(), PAYLOADS.length);
    assert.ok(text.includes(SHOWN));
    assert.ok(text.includes('<script>window.__ran=2'));
    assert.ok(!/[\u001b\u202e]/.test(text), 'control characters are shown, not sent');
    await harmless();
  });

  for (const file of [PARQUET, CSV]) {
    await test(`payloads of ${file} are text in the dashboard and the distribution view`, async () => {
      await open(file);
      await workbench.command('QRM Lens: Audit This File');
      await workbench.notification(/responses scored/, { timeout: 120_000 });
      await workbench.command('QRM Lens: Open Dashboard');
      const view = await workbench.webview('.dashboard canvas');
      const excerpts = () => view.locator('.rows .cell.text').allInnerTexts();
      await until('excerpts', async () => (await excerpts()).some((t) => t.includes(SHOWN)));
      assert.ok((await excerpts()).every((text) => !/[\u001b\u202e]/.test(text)));
      await harmless();
      await view.locator('.rows .row[data-n="0"]').click();
      await page.keyboard.press('Control+Enter');
      const detail = await workbench.webview('.detail .card');
      await until('the text', async () =>
        /Answer|No \d/.test(await detail.locator('.excerpt').first().innerText()),
      );
      await harmless();
    });

    await test(`payloads of ${file} are text in its HTML report`, async () => {
      await page.keyboard.press('Control+1');
      const text = await report(`${file}.html`);
      assert.ok(text.includes(SHOWN));
      assert.ok(!/[\u001b\u202e]/.test(text));
      await harmless();
      await workbench.closeEditors();
    });
  }

  await test('payloads of a CSV file are text in messages and hovers', async () => {
    await workbench.openFile(CSV);
    const found = await until('findings', async () => {
      const all = await workbench.findings();
      return all.some(({ code }) => code === 'low-left-tail') && all;
    });
    assert.ok(found.every(({ message }) => !/[\u001b\u202e]/.test(message)));
    await workbench.goToLine(2);
    await until('a distribution', async () => {
      const [piece] = await workbench.squiggles();
      await workbench.hover(piece.left + 20, (piece.top + piece.bottom) / 2, { timeout: 2000 });
      return page.locator('.monaco-hover:visible img[alt="reward distribution"]').count();
    });
    await harmless();
  });
}
