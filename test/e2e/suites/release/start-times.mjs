// main.mjs --only start-times --times: how long a user waits for the first squiggle. Printed, never asserted.
import { loadavg } from 'node:os';
import { EMBEDDED, harmlessLines } from '../../data.mjs';
import { openWorkspace } from '../../workbench/workspace.mjs';

const ROWS = 200;
/** Where the files begin: with a row that has findings, since only what is on the first screen can be seen. */
const FROM = [1, 203, 401];

export default async function (suite, editor) {
  if (!process.argv.includes('--times')) return;
  const lines = harmlessLines();
  const file = (n) => `${lines.slice(FROM[n], FROM[n] + ROWS).join('\n')}\n`;
  const { workbench, page } = await openWorkspace(
    suite,
    editor,
    { settings: EMBEDDED },
    { 'first.jsonl': file(0), 'second.jsonl': file(1), 'third.jsonl': file(2) },
  );
  const measure = async (title, name) => {
    const item = page.locator('.explorer-viewlet .monaco-list-row', { hasText: name });
    await item.first().waitFor();
    const said = [];
    const begin = Date.now();
    await item.first().dblclick();
    const seconds = () => ((Date.now() - begin) / 1000).toFixed(1);
    let first;
    while (first === undefined && Date.now() - begin < 180_000) {
      const { text, squiggles } = await page.evaluate(() => ({
        text: [...document.querySelectorAll('.part.statusbar .statusbar-item')]
          .map((one) => one.textContent?.trim() ?? '')
          .filter((one) => /QRM Lens|Audit|model|Scor/i.test(one))
          .join(' | '),
        squiggles: document.querySelectorAll(
          '.editor-instance .squiggly-error, .editor-instance .squiggly-warning, .editor-instance .squiggly-info',
        ).length,
      }));
      const plain = text.replaceAll('\u00a0', ' ');
      if (plain !== '' && said.at(-1)?.[1] !== plain) said.push([seconds(), plain]);
      if (squiggles > 0) first = seconds();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    console.log(`    ${title}: first squiggle after ${first ?? 'more than 180'} s`);
    for (const [at, text] of said) console.log(`      ${at.padStart(5)} s  ${text}`);
    await workbench.closeEditors();
  };
  await suite.test('the first squiggle', async () => {
    console.log(`    load ${loadavg()[0].toFixed(1)}`);
    await measure('cold: nothing was ever started, the model is to be expanded', 'first.jsonl');
    await measure('warm: the model is loaded, no score is known', 'second.jsonl');
    await workbench.reload();
    await measure('a new window: the model is to be loaded, no score is known', 'third.jsonl');
    await workbench.reload();
    await measure('a new window: scores are known', 'second.jsonl');
    console.log(`    load ${loadavg()[0].toFixed(1)}`);
  });
}
