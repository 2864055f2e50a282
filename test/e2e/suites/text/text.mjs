// What the extension does in the text of a dataset, with the embedded model.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EMBEDDED, harmlessLines, rawResponse } from '../../data.mjs';
import { until } from '../../until.mjs';
import { openWorkspace } from '../../workbench/workspace.mjs';

const FILE = 'hh-harmless.jsonl';
const ROWS = 60;
const FIELDS = ['chosen', 'rejected'];
const LENS = /^margin [+−]\d+\.\d+ · P\(chosen beats rejected\) \d+(\.\d+)? %$/;

/** The line with the values of its two fields exchanged, every other byte as it was. */
function swapped(line) {
  const body = (field) => {
    const from = line.indexOf(`"${field}": "`) + field.length + 5;
    let to = from;
    while (line[to] !== '"') to += line[to] === '\\' ? 2 : 1;
    return { from, to, text: line.slice(from, to) };
  };
  const [a, b] = FIELDS.map(body);
  return line.slice(0, a.from) + b.text + line.slice(a.to, b.from) + a.text + line.slice(b.to);
}

export default async function (suite, editor) {
  const { test } = suite;
  const lines = harmlessLines().slice(0, ROWS);
  const { folder, workbench, page } = await openWorkspace(
    suite,
    editor,
    { settings: EMBEDDED },
    { [FILE]: `${lines.join('\n')}\n` },
  );
  const path = join(folder, FILE);
  await workbench.openFile(FILE);

  /** Text of the marks on the screen by severity, wrapped rows joined. */
  const marked = async () => {
    const joined = {};
    for (const { severity, text } of await workbench.squiggles()) {
      joined[severity] = (joined[severity] ?? '') + text;
    }
    return Object.values(joined);
  };
  const response = (finding) =>
    FIELDS.map((field) => rawResponse(lines[finding.line - 1], field)).find(
      ({ column }) => column + 1 === finding.column,
    );
  let findings = [];

  await test('every finding begins where its response does in the raw text', async () => {
    findings = await workbench.settledFindings({ atLeast: 8 });
    for (const finding of findings) assert.ok(response(finding), JSON.stringify(finding));
    const codes = new Set(findings.map(({ code }) => code));
    assert.ok(codes.has('low-left-tail') && codes.has('inverted-pair'), [...codes].join());
    // An empty response has no number.
    for (const { code, message } of findings)
      assert.match(message, code === 'unscored' ? /empty/ : /\d/);
  });

  await test('the squiggle covers exactly the text of the response', async () => {
    const shown = findings.filter((finding) => response(finding).text.length < 800).slice(0, 4);
    assert.ok(shown.length >= 2);
    for (const finding of shown) {
      await workbench.goToLine(finding.line, finding.column);
      const { text } = response(finding);
      await until(`the squiggle under ${text}`, async () =>
        (await marked()).some((t) => t.includes(text)),
      );
    }
  });

  await test("a hover shows the distribution, its quantiles and the attributes' pull", async () => {
    const finding = findings.find(({ code }) => code === 'low-left-tail');
    const [figure] = /−?\d+\.\d+/.exec(finding.message);
    await workbench.goToLine(finding.line, finding.column);
    const piece = await until('a squiggle to hover', async () =>
      (await workbench.squiggles()).find(
        (p) => p.text && response(finding).text.startsWith(p.text),
      ),
    );
    const hover = await workbench.hover(
      (piece.left + piece.right) / 2,
      (piece.top + piece.bottom) / 2,
    );
    const text = await until('the hover of the response', async () => {
      const shown = await page.locator('.monaco-hover:visible').innerText();
      return /Pulling most/.test(shown) && shown;
    });
    assert.ok(text.includes(`q05 ${figure}`), `${figure} in: ${text}`);
    for (const word of [
      'mean',
      'CVaR',
      'q95',
      'percentile',
      'Pair: margin',
      'low-left-tail',
    ].filter((w) => w !== 'percentile')) {
      assert.ok(text.includes(word), `${word} in: ${text}`);
    }
    const picture = hover.locator('img[alt="reward distribution"]');
    assert.match(await picture.first().getAttribute('src'), /^data:image\/svg\+xml/);
    assert.ok(
      (await picture.first().evaluate((img) => img.naturalWidth)) > 50,
      'the sparkline is drawn',
    );
    await page.mouse.move(5, 5);
    await page.keyboard.press('Escape');
  });

  await test('a lens above each pair tells its margin', async () => {
    await workbench.goToLine(1);
    const lenses = await until('lenses', async () => {
      const all = await page.locator('.codelens-decoration').allInnerTexts();
      const shown = all.filter((text) => text !== '');
      return shown.length > 0 && shown;
    });
    for (const lens of lenses) assert.match(lens.replaceAll('\u00a0', ' '), LENS);
  });

  await test('each row is a symbol', async () => {
    await page.keyboard.press('Control+Shift+O');
    const row = page.locator('.quick-input-list .monaco-list-row', { hasText: 'Row 2 (pair)' });
    await row.first().waitFor();
    await page.keyboard.press('Escape');
  });

  await test('swapping chosen and rejected keeps every other byte', async () => {
    const { line } = findings.find(({ code }) => code === 'inverted-pair');
    const { column } = rawResponse(lines[line - 1], 'chosen');
    await workbench.goToLine(line, column + 2);
    await workbench.applyCodeAction('Swap chosen and rejected');
    await workbench.save();
    lines[line - 1] = swapped(lines[line - 1]);
    assert.equal(readFileSync(path, 'utf8'), `${lines.join('\n')}\n`);
    await until('the inverted pair to be right', async () =>
      (await workbench.findings()).every((f) => f.line !== line || f.code !== 'inverted-pair'),
    );
  });

  await test('deleting a row takes its line and nothing else', async () => {
    await workbench.goToLine(3, 20);
    await workbench.applyCodeAction('Delete this row');
    await workbench.save();
    lines.splice(2, 1);
    assert.equal(readFileSync(path, 'utf8'), `${lines.join('\n')}\n`);
  });

  await test('an edit that breaks a row is told at once, and undoing it forgets it', async () => {
    await workbench.goToLine(2, 2);
    await page.keyboard.type('x');
    const malformed = async () =>
      (await workbench.findings()).some((f) => f.code === 'malformed-row' && f.line === 2);
    await until('the malformed row', malformed);
    await page.keyboard.press('Control+Z');
    await until('the row to be whole', async () => !(await malformed()));
  });

  await test('an ignored finding goes, and is kept in a file of the workspace', async () => {
    const before = await until('findings again', async () => {
      const found = await workbench.findings();
      return found.some(({ code }) => code === 'low-left-tail') && found;
    });
    const { line, column } = before.find(({ code }) => code === 'low-left-tail');
    await workbench.goToLine(line, column + 1);
    await workbench.applyCodeAction('Ignore this finding (low-left-tail)');
    await until('the finding to go', async () =>
      (await workbench.findings()).every(
        (f) => f.line !== line || f.column !== column || f.code !== 'low-left-tail',
      ),
    );
    assert.ok(existsSync(join(folder, '.qrm-ignore.json')));
    assert.ok(JSON.parse(readFileSync(join(folder, '.qrm-ignore.json'), 'utf8')));
  });
}
