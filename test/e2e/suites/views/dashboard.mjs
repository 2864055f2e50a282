// The dashboard and the distribution view over the whole of hh-harmless.
import assert from 'node:assert/strict';
import { TINY, answered, harmlessLines } from '../../data.mjs';
import { until } from '../../until.mjs';
import { openWorkspace } from '../../workbench/workspace.mjs';

const FILE = 'hh-harmless.jsonl';
const SEARCH = 'input[aria-label^="Filter by text"]';

/** Pixels that are drawn, and in how many colours; a blank canvas has neither. */
const drawn = (canvas) =>
  canvas.evaluate((c) => {
    const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);
    const colours = new Map();
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] < 32) continue;
      const colour = (data[i] << 16) | (data[i + 1] << 8) | data[i + 2];
      colours.set(colour, (colours.get(colour) ?? 0) + 1);
    }
    const [main] = [...colours].sort((a, b) => b[1] - a[1]);
    return {
      pixels: [...colours.values()].reduce((a, b) => a + b, 0),
      colours: colours.size,
      main: main?.[0],
    };
  });

/** Where the point with the lowest left tail is drawn, in CSS pixels. */
const lowestPoint = (canvas) =>
  canvas.evaluate((c) => {
    const { width, height } = c;
    const { data } = c.getContext('2d').getImageData(0, 0, width, height);
    const scale = c.clientWidth / width;
    // Below the plot's frame are labels in grey; points are the only thing in colour.
    for (let y = height - 1; y >= 0; y -= 1) {
      for (let x = 0; x < width; x += 1) {
        const [r, g, b, a] = data.subarray(4 * (y * width + x), 4 * (y * width + x) + 4);
        if (a > 100 && Math.max(r, g, b) - Math.min(r, g, b) > 80)
          return { x: x * scale, y: (y - 1) * scale };
      }
    }
    throw new Error('no point is drawn');
  });

const rowCount = async (view) =>
  Number(await view.locator('[role="grid"]').getAttribute('aria-rowcount')) - 1;
const number = (text) => Number(text.replaceAll(/[,\u202f\u00a0 ]/g, ''));

export default async function (suite, editor) {
  const { test } = suite;
  const lines = harmlessLines();
  const { workbench, page } = await openWorkspace(
    suite,
    editor,
    { settings: TINY },
    { [FILE]: `${lines.join('\n')}\n` },
  );
  await workbench.openFile(FILE);
  await workbench.command('QRM Lens: Open Dashboard');
  let view = await workbench.webview('.dashboard canvas');

  await test('every response of the file is counted', async () => {
    await until(
      'all responses',
      async () => {
        const value = await view.locator('.tile .value').first().innerText();
        return number(value) === answered(lines);
      },
      { timeout: 400_000 },
    );
    await until('the end of the audit', async () =>
      /^Scored with llama3-qrm-k5-m3/.test(await view.locator('.state').first().innerText()),
    );
    assert.ok((await rowCount(view)) > 100);
  });

  await test('every chart has drawn data', async () => {
    const charts = view.locator('.chart-frame:not([hidden]) canvas');
    const count = await charts.count();
    assert.ok(count >= 5, `${count} charts`);
    for (let n = 0; n < count; n += 1) {
      const chart = charts.nth(n);
      await chart.scrollIntoViewIfNeeded();
      const name = await chart.getAttribute('aria-label');
      await until(`${name} to be drawn`, async () => {
        const { pixels, colours } = await drawn(chart);
        return pixels > 500 && colours > 3;
      });
    }
    const summary = await view.locator('#chart-1-summary').innerText();
    assert.match(summary, new RegExp(`${FILE}: ${answered(lines).toLocaleString('en')} responses`));
  });

  await test('rows stand in sight beside the text, under a bar of one line', async () => {
    const frame = await view.frameElement();
    await view.locator('.page-head').scrollIntoViewIfNeeded();
    const { height } = await frame.boundingBox();
    const tops = await view
      .locator('.rows .row')
      .evaluateAll((rows) => rows.map((row) => row.getBoundingClientRect().bottom));
    const shown = tops.filter((bottom) => bottom <= height).length;
    assert.ok(shown >= 5, `${shown} rows in ${height} px`);
    const bar = await view
      .locator('.filter-line.main > *')
      .evaluateAll((parts) => parts.map((part) => part.getBoundingClientRect()));
    assert.ok(Math.max(...bar.map((b) => b.top)) < Math.min(...bar.map((b) => b.bottom)));
  });

  await test('a click in the table moves the editor to the response', async () => {
    const row = view.locator('.rows .row[data-n="2"]');
    await row.scrollIntoViewIfNeeded();
    const line = number(await row.locator('.cell.line').innerText());
    await row.click();
    await workbench.cursorAt(`the editor at line ${line}`, (at) => at.line === line);
  });

  await test('a click on a point of the scatter moves the editor', async () => {
    const before = await workbench.cursorAt('a place in the text', () => true);
    const canvas = view.locator('.chart-frame.scatter canvas');
    await canvas.scrollIntoViewIfNeeded();
    await canvas.click({ position: await lowestPoint(canvas) });
    await workbench.cursorAt('the editor to move', (now) => now.line !== before.line);
  });

  await test('brushing the scatter filters the table, Escape brings all back', async () => {
    const all = await rowCount(view);
    const canvas = view.locator('.chart-frame.scatter canvas');
    await canvas.scrollIntoViewIfNeeded();
    const box = await canvas.boundingBox();
    await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.3);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.55, box.y + box.height * 0.8, { steps: 8 });
    await page.mouse.up();
    await until('fewer rows', async () => {
      const some = await rowCount(view);
      return some > 0 && some < all;
    });
    await canvas.focus();
    await page.keyboard.press('Escape');
    await until('all rows', async () => (await rowCount(view)) === all);
  });

  await test('the distribution view follows the cursor in the text', async () => {
    await workbench.focusEditor();
    await workbench.goToLine(3, 400);
    await workbench.command('QRM Lens: Show Distribution at Cursor');
    const detail = await workbench.webview('.detail .card');
    await until('line 3', async () => /line 3$/.test(await detail.locator('h1').innerText()));
    for (const name of ['density', 'quantile-function', 'cdf']) {
      await until(
        `${name} drawn`,
        async () => (await drawn(detail.locator(`.chart-frame.${name} canvas`))).pixels > 300,
      );
    }
    await workbench.focusEditor();
    await workbench.goToLine(9, 200);
    await until('line 9', async () => /line 9$/.test(await detail.locator('h1').innerText()));
  });

  await test('the sliders of tau and lambda recalculate at once in the view', async () => {
    const detail = await workbench.webview('.detail .card');
    const figures = () => detail.locator('.side').innerText();
    const before = await figures();
    for (const name of ['lambda', 'tau']) {
      const was = await figures();
      await detail.locator(`input[name="${name}"][type="range"]`).focus();
      for (let n = 0; n < 20; n += 1) await page.keyboard.press('ArrowRight');
      await until(`figures of another ${name}`, async () => (await figures()) !== was);
    }
    await detail.getByText('Reset to the settings').click();
    await until('the first figures', async () => (await figures()) === before);
    await page.keyboard.press('Control+W');
  });

  await test('the theme of the editor is the theme of the charts', async () => {
    view = await workbench.webview('.dashboard canvas');
    const canvas = view.locator('.chart-frame.scatter canvas');
    const background = () =>
      view.locator('body').evaluate((body) => getComputedStyle(body).backgroundColor);
    const axis = () => view.locator('body').evaluate((body) => getComputedStyle(body).color);
    const [dark, text, { main }] = [await background(), await axis(), await drawn(canvas)];
    assert.equal(await workbench.isDark(), true);
    await workbench.setTheme('Light Modern');
    await until('a light page', async () => (await axis()) !== text && !(await workbench.isDark()));
    assert.notEqual(await background(), undefined);
    await until('the chart in other colours', async () => (await drawn(canvas)).main !== main);
    assert.ok(dark);
    await workbench.setTheme('Dark High Contrast');
    await until('high contrast', () => view.locator('body.vscode-high-contrast').count());
    await until('the chart drawn again', async () => (await drawn(canvas)).pixels > 500);
    await workbench.setTheme('Dark Modern');
  });

  await test('a reload keeps the view and its filters', async () => {
    view = await workbench.webview('.dashboard canvas');
    const all = await rowCount(view);
    await view.locator(SEARCH).first().fill('sorry');
    const some = await until('the search to filter', async () => {
      const count = await rowCount(view);
      return count > 0 && count < all && count;
    });
    // In a browser VS Code writes its state once a minute, not when it is closed.
    await workbench.focusEditor();
    await workbench.stored(/qrmLens\.dashboard.*sorry/s);
    await workbench.reload();
    view = await workbench.webview('.dashboard canvas');
    await until(
      'the search text',
      async () => (await view.locator(SEARCH).first().inputValue()) === 'sorry',
    );
    await until('the same rows', async () => (await rowCount(view)) === some, { timeout: 120_000 });
  });

  await test('nothing breaks the content security policy', () => {
    const broken = workbench.errors.filter((error) =>
      /Content Security Policy|qrm-lens/i.test(error),
    );
    assert.deepEqual(broken, []);
  });
}
