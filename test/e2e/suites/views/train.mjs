// A model is trained from the editor: its config's problems in place, progress, cancel, the run's pictures.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TINY, harmlessLines } from '../../data.mjs';
import { until } from '../../until.mjs';
import { openWorkspace } from '../../workbench/workspace.mjs';

const CONFIG = 'train.json';

export default async function (suite, editor) {
  const { test } = suite;
  const config = {
    name: 'Trained in the editor',
    backbone: TINY['qrmLens.model.path'],
    precision: 'float32',
    attributes: [],
    pairs: [{ file: 'pairs.jsonl', attribute: 'preferred', maxTokens: 4096 }],
    out: 'made',
    quantiles: 5,
    folds: 2,
    keepBelow: 9,
    components: 8,
    gate: { hidden: [4], epochs: 3, batch: 16 },
  };
  const { folder, workbench, page } = await openWorkspace(
    suite,
    editor,
    { settings: TINY },
    {
      'pairs.jsonl': `${harmlessLines().slice(0, 80).join('\n')}\n`,
      [CONFIG]: JSON.stringify({ ...config, gate: { ...config.gate, temperature: -1 } }, null, 2),
    },
  );

  await test('what the config says wrongly is underlined at its field', async () => {
    await workbench.openFile(CONFIG);
    await workbench.command('QRM Lens: Train Model…');
    await workbench.notification(/gate\.temperature: found -1, expected 0\.001 or more/);
    const problems = await until('the problem', async () => {
      const now = await workbench.problems();
      return now.some((text) => /qrm train/.test(text)) && now;
    });
    assert.ok(
      problems.some((text) => /gate\.temperature/.test(text) && /Ln 1[0-9]|Ln 2[0-9]/.test(text)),
    );
    await workbench.clearNotifications();
    await workbench.closePanel();
  });

  await test('an engine that is not there is underlined at endpoint', async () => {
    await workbench.closeEditors();
    const text = JSON.stringify({ ...config, endpoint: 'http://127.0.0.1:45' }, null, 2);
    writeFileSync(join(folder, CONFIG), text);
    await workbench.openFile(CONFIG);
    await workbench.command('QRM Lens: Train Model…');
    await workbench.notification(/127\.0\.0\.1:45: /);
    const line = 1 + text.split('\n').findIndex((l) => l.includes('"endpoint"'));
    await until('the problem', async () =>
      (await workbench.problems()).some(
        (problem) => /127\.0\.0\.1:45/.test(problem) && problem.includes(`Ln ${line}`),
      ),
    );
    await workbench.clearNotifications();
    await workbench.closePanel();
  });

  await test('a run says how far it is, shows its pictures, and its model can be used', async () => {
    await workbench.closeEditors();
    writeFileSync(join(folder, CONFIG), JSON.stringify(config, null, 2));
    await workbench.openFile(CONFIG);
    await workbench.command('QRM Lens: Train Model…');
    await workbench.notification(/QRM Lens: trained .*made/, { timeout: 240_000 });
    assert.ok(existsSync(join(folder, 'made', 'heads.json')));
    assert.match(readFileSync(join(folder, 'made', 'README.md'), 'utf8'), /Trained in the editor/);
    const view = await workbench.webview('main', { timeout: 60_000 });
    const text = await view.locator('main').innerText();
    assert.match(text, /Training of Trained in the editor/);
    assert.match(text, /Reliability/);
    assert.ok((await view.locator('svg').count()) >= 2);
    await page.keyboard.press('Escape');
  });
}
