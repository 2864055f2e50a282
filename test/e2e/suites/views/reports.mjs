// Reports of every format: written where the user said, with the rows of the file and its findings.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { TINY, harmlessLines, rawResponse, root } from '../../data.mjs';
import { parseCsv, readParquet } from '../../tables.mjs';
import { openWorkspace } from '../../workbench/workspace.mjs';

const FILE = 'pairs.jsonl';
const ROWS = 40;
const SCHEMA = join(root, 'test', 'fixtures', 'sarif', 'sarif-2.1.0-rtm.5.json');

/** Code and place of a finding as one word, for comparing what two formats say. */
const mark = ({ code, line, column }) => `${code} ${Number(line)}:${Number(column)}`;
const marks = (list) => list.map(mark).sort();

export default async function (suite, editor) {
  const { test } = suite;
  const lines = harmlessLines().slice(0, ROWS);
  // A row that cannot be read has no response, but stands in every list of findings.
  const broken = '{"chosen": ';
  const { folder, workbench } = await openWorkspace(
    suite,
    editor,
    { settings: TINY },
    {
      [FILE]: `${[...lines, broken].join('\n')}\n`,
    },
  );
  await workbench.openFile(FILE);
  await workbench.command('QRM Lens: Audit This File');
  const said = await workbench.notification(/responses scored/, { timeout: 180_000 });
  const total = Number(/(\d+) findings/.exec(said)[1]);

  /** Exports by hand and returns the path and the message. */
  const exported = async (format, name) => {
    await workbench.clearNotifications();
    await workbench.focusEditor();
    await workbench.command('QRM Lens: Export Report…');
    await workbench.choose(new RegExp(`^${format}$`));
    const path = join(folder, name);
    await workbench.fileDialog(path);
    const message = await workbench.notification(/findings written to/);
    assert.ok(message.includes(name), message);
    return { path, text: () => readFileSync(path, 'utf8') };
  };
  let listed = [];

  await test('JSONL: a finding a line, each at its response in the raw text', async () => {
    const { text } = await exported('JSONL', 'report.jsonl');
    listed = text()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(listed.length, total);
    const written = readFileSync(join(folder, FILE));
    for (const finding of listed.filter(({ code }) => code !== 'malformed-row')) {
      const line = lines[finding.line - 1];
      const { column, text: raw } = rawResponse(line, finding.kind);
      assert.equal(finding.column, column + 1);
      const shown = JSON.parse(`"${raw}"`);
      assert.ok(shown.startsWith(finding.excerpt.slice(0, 20).trim()), finding.excerpt);
      assert.equal(written.subarray(finding.start, finding.end).toString('utf8'), raw);
    }
    assert.ok(listed.some(({ code, line }) => code === 'malformed-row' && line === ROWS + 1));
    assert.ok(new Set(listed.map(({ code }) => code)).size > 2);
  });

  await test('JSON: the same findings, and the riskiest responses in order', async () => {
    const { text } = await exported('JSON', 'report.json');
    const report = JSON.parse(text());
    assert.deepEqual(marks(report.findings), marks(listed));
    assert.equal(report.responses, 2 * ROWS);
    const tails = report.riskiest.map(({ tail }) => tail);
    assert.ok(tails.length > 10);
    assert.deepEqual(
      tails,
      [...tails].sort((a, b) => a - b),
    );
  });

  await test('CSV: the same findings under their names', async () => {
    const { text } = await exported('CSV', 'report.csv');
    const records = parseCsv(text());
    assert.deepEqual(marks(records), marks(listed));
    const messages = records.map(({ message }) => message).sort();
    assert.deepEqual(messages, listed.map(({ message }) => message).sort());
  });

  await test('SARIF: valid against its schema, the same findings', async () => {
    const { text } = await exported('SARIF', 'report.sarif.json');
    const log = JSON.parse(text());
    const schema = JSON.parse(readFileSync(SCHEMA, 'utf8'));
    // Ajv knows neither draft-04's identifier nor this address.
    delete schema.$schema;
    delete schema.id;
    const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
    (addFormats.default ?? addFormats)(ajv);
    const check = ajv.compile(schema);
    check(log);
    assert.deepEqual(check.errors ?? [], []);
    const found = log.runs[0].results.map(({ ruleId, locations: [{ physicalLocation }] }) => ({
      code: ruleId,
      line: physicalLocation.region.startLine,
      column: physicalLocation.region.startColumn,
    }));
    assert.deepEqual(marks(found), marks(listed));
  });

  await test('Parquet: every response with its quantiles and findings', async () => {
    const { path } = await exported('PARQUET', 'report.parquet');
    const rows = await readParquet(path);
    assert.equal(rows.length, 2 * ROWS);
    const places = rows.map(({ row, kind }) => `${row} ${kind}`);
    assert.equal(new Set(places).size, 2 * ROWS);
    for (const row of rows) {
      const quantiles = [1, 2, 3, 4, 5].map((k) => row[`q_${k}`]);
      assert.ok(quantiles.every(Number.isFinite));
      assert.deepEqual(
        quantiles,
        [...quantiles].sort((a, b) => a - b),
      );
    }
    const found = rows.flatMap(({ line, kind, findings }) =>
      findings.split(',').flatMap((code) => (code === '' ? [] : [`${code} ${line} ${kind}`])),
    );
    const responses = listed.filter(({ code }) => code !== 'malformed-row');
    assert.deepEqual(
      found.sort(),
      responses.map(({ code, line, kind }) => `${code} ${line} ${kind}`).sort(),
    );
  });

  await test('HTML: one page that needs nothing else, with the same counts', async () => {
    const { path } = await exported('HTML', 'report.html');
    const page = await workbench.context.newPage();
    const asked = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(pathToFileURL(path).href);
    const body = await page.locator('body').innerText();
    assert.match(body, new RegExp(`Responses\\s+${2 * ROWS}\\b`));
    assert.match(body, new RegExp(`Findings\\s+${total}\\b`));
    assert.equal(await page.locator('article').count(), Math.min(2 * ROWS, 200));
    assert.ok((await page.locator('article svg').first().boundingBox()).width > 100);
    assert.deepEqual(
      asked.filter((url) => !url.startsWith('file:') && !url.startsWith('data:')),
      [],
    );
    await page.close();
  });

  await test('the dialog offers a name beside the file; Escape writes nothing', async () => {
    await workbench.clearNotifications();
    await workbench.focusEditor();
    const before = readdirSync(folder);
    await workbench.command('QRM Lens: Export Report…');
    await workbench.choose(/^CSV$/);
    await workbench.offeredPath(join(folder, `${FILE}.qrm.csv`));
    await workbench.closeQuickInput();
    assert.deepEqual(await workbench.notifications(), []);
    assert.deepEqual(readdirSync(folder), before);
  });
}
