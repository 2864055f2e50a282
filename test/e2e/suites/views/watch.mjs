// A training's log is followed while it grows: curves, alarms, the worst rollouts and their lines.
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { TINY } from '../../data.mjs';
import { until } from '../../until.mjs';
import { openWorkspace } from '../../workbench/workspace.mjs';

const FILE = 'rollouts.jsonl';
const STEPS = 40;
const EACH = 8;
const HOSTILE = '<img src=x onerror="document.title=1">';

/** The mean rises while the left tail falls, and longer answers are paid better. */
function rollout(step, n, said = `${HOSTILE} answer ${n} of step ${step}`) {
  const length = 20 + 6 * n + step;
  const reward = 0.4 + 0.005 * step + 0.01 * (length - step);
  const q05 = 0.3 - 0.006 * step - 0.004 * ((n * 7 + step * 3) % 5);
  return `${JSON.stringify({ step, prompt: 'Q', completion: said, reward, mean: reward, q05, completion_length: length })}\n`;
}
const figures = (step) => `${JSON.stringify({ step, kl: 0.1 * step, entropy: 2 - 0.02 * step })}\n`;
const log = Array.from({ length: STEPS }, (_, step) =>
  [...Array.from({ length: EACH }, (_, n) => rollout(step, n)), figures(step)].join(''),
).join('');

export default async function (suite, editor) {
  const { test } = suite;
  const { workbench, page, folder } = await openWorkspace(
    suite,
    editor,
    { settings: TINY },
    { [FILE]: log },
  );
  await workbench.openFile(FILE);
  await workbench.command('QRM Lens: Watch Training');

  await test('the log in the editor is offered first', async () => {
    const [first] = await workbench.picks();
    assert.match(first.text, /rollouts\.jsonl/);
    await page.keyboard.press('Enter');
  });
  const view = await workbench.webview('.watch canvas', { timeout: 120_000 });
  const status = () => view.locator('.watch-head [role=status]').innerText();

  await test('what is there is read, then the log is followed', async () => {
    await until('the state', async () => /^Following: step 3[89],/.test(await status()));
    assert.match(await view.locator('h1').innerText(), /Training: rollouts\.jsonl/);
  });

  await test('drift is an alarm, in words, and charts are drawn and told', async () => {
    const alarms = await view.locator('.alarms').innerText();
    assert.match(alarms, /the mean rises .* while q05 falls/);
    assert.match(alarms, /length explains \d+ % of the reward/);
    for (const name of ['left-tail', 'length', 'kl', 'entropy']) {
      const canvas = view.locator(`.${name} canvas`);
      const box = await canvas.boundingBox();
      assert.ok(box.width > 200 && box.height > 100, name);
      const words = await canvas.getAttribute('aria-describedby');
      assert.match(await view.locator(`#${words}`).textContent(), /at the beginning/);
    }
  });

  await test('a rollout that comes is listed where it is the worst, as text, and leads to its line', async () => {
    const worst = rollout(STEPS, 0, `${HOSTILE} the worst of all`).replace(
      /"q05":[^,]+/,
      '"q05":-2',
    );
    appendFileSync(join(folder, FILE), worst + rollout(STEPS + 1, 1));
    const first = view.locator('.worst li').first();
    await until('the rollout', async () => /the worst of all/.test(await first.innerText()));
    assert.match(await first.innerText(), /−2\.000/);
    assert.equal(await view.locator('.worst img').count(), 0);
    const line = STEPS * (EACH + 1) + 1;
    assert.match(await first.innerText(), new RegExp(`line ${line}`));
    if (process.env.QRM_E2E_SHOT) await workbench.screenshot(process.env.QRM_E2E_SHOT);
    await first.locator('button').focus();
    await page.keyboard.press('Enter');
    await until('the cursor', async () => (await workbench.position())?.line === line);
  });

  await test('stopped, nothing more is read; followed again, it begins anew', async () => {
    const toggle = view.locator('.watch-head button');
    await toggle.click();
    await until('the state', async () => /^Stopped: step 4[01]/.test(await status()));
    appendFileSync(join(folder, FILE), rollout(STEPS + 2, 1) + rollout(STEPS + 3, 1));
    await toggle.click();
    await until('the new steps', async () => /^Following: step 4[23],/.test(await status()));
    const [, steps] = /, (\d+) steps/.exec(await status());
    assert.ok(Number(steps) <= STEPS + 4);
  });
}
