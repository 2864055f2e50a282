// Cancel, a killed evaluator, a restarted server: nothing scored is lost.
import assert from 'node:assert/strict';
import { TINY, answered, harmlessLines } from '../../data.mjs';
import { bundleProcesses } from '../../processes.mjs';
import { until, untilStill } from '../../until.mjs';
import { openWorkspace } from '../../workbench/workspace.mjs';

const FILE = 'pairs.jsonl';
const ROWS = 500;
const number = (text) => Number(text.replaceAll(/[,\u202f\u00a0 ]/g, ''));

export default async function (suite, editor) {
  const { test } = suite;
  const lines = harmlessLines().slice(0, ROWS);
  const { host, workbench } = await openWorkspace(
    suite,
    editor,
    { settings: TINY },
    {
      [FILE]: `${lines.join('\n')}\n`,
    },
  );
  await workbench.openFile(FILE);
  await workbench.command('QRM Lens: Open Dashboard');
  const view = await workbench.webview('.dashboard canvas');
  const state = () => view.locator('.state').first().innerText();
  const scored = async () => number(await view.locator('.tile .value').first().innerText());
  const workers = () => bundleProcesses(host, 'worker.js').map(({ pid }) => pid);

  await test('the dashboard tells the rate and the time left while scoring', async () => {
    await until('the rate', async () => /^Scoring with .*\d\/s/.test(await state()));
    await until('responses', async () => (await scored()) > 20);
  });

  await test('cancel stops the audit and keeps what is scored', async () => {
    await view.getByRole('button', { name: 'Cancel' }).click();
    await until('the end', async () => /cancel|stopped/i.test(await state()));
    const kept = await scored();
    assert.ok(kept > 20 && kept < 2 * ROWS, `${kept} scored`);
    const last = await untilStill('the number of scores', scored, { times: 8, every: 400 });
    assert.ok(last - kept < 64, 'nothing more than what was under way is scored');
    assert.match(await state(), /cancel|stopped/i);
  });

  await test('an evaluator killed in the middle is begun anew and the audit ends whole', async () => {
    const before = await scored();
    await view.getByRole('button', { name: 'Audit', exact: true }).click();
    await until('more scores', async () => (await scored()) > before + 20, { timeout: 120_000 });
    const killed = workers();
    assert.equal(killed.length, 1);
    process.kill(killed[0], 'SIGKILL');
    await until('another process', () => workers().some((pid) => pid !== killed[0]));
    assert.ok((await scored()) >= before + 20, 'nothing scored is lost');
    await until('all scores', async () => (await scored()) === answered(lines), {
      timeout: 300_000,
    });
    await until('the end of the audit', async () => /^Scored with/.test(await state()));
    const unscored = view.locator('button', { hasText: /^unscored/ });
    assert.match(await unscored.innerText(), new RegExp(`${2 * ROWS - answered(lines)}$`));
  });

  await test('after a restart of the server the scores come from the store', async () => {
    const [old] = bundleProcesses(host, 'server.js').map(({ pid }) => pid);
    await workbench.focusEditor();
    await workbench.command('QRM Lens: Restart Server');
    await until('another server', () =>
      bundleProcesses(host, 'server.js').some(({ pid }) => pid !== old),
    );
    await workbench.command('QRM Lens: Audit This File');
    await until(
      'all scores, from the store',
      async () => {
        const messages = await workbench.notifications();
        return messages.some((message) => message.includes(`${answered(lines)} responses scored`));
      },
      { timeout: 60_000 },
    );
  });

  await test('the doctor says what runs', async () => {
    await workbench.clearNotifications();
    await workbench.focusEditor();
    await workbench.command('QRM Lens: Doctor');
    await until('its page', async () => {
      const text = await workbench.page.locator('.editor-instance .view-lines').first().innerText();
      return /onnxruntime/i.test(text) && /cpu/i.test(text);
    });
  });
}
