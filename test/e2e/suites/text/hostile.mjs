// A dataset with HTML, script, Markdown and terminal payloads in every field is text everywhere.
import assert from 'node:assert/strict';
import { harmlessLines } from '../../data.mjs';
import { BEACON, HOSTILE, PAYLOADS, hostileLines, watchPayloads } from '../../payloads.mjs';
import { until } from '../../until.mjs';
import { openWorkspace } from '../../workbench/workspace.mjs';

const FILE = '<img src=x onerror=alert(1)>.jsonl';
const CHAT = 'chat.md';

export default async function (suite, editor) {
  const { test } = suite;
  const lines = [...hostileLines(), `{"chosen": ${PAYLOADS[0]}`, ...harmlessLines().slice(0, 4)];
  // A NUL byte makes a text file a damaged one: that is another finding.
  const turns = PAYLOADS.filter((payload) => !payload.includes('\u0000')).map(
    (payload, n) => `## User\n\nQuestion ${n}\n\n## Assistant\n\nAnswer ${n}: ${payload}\n`,
  );
  const { workbench, page } = await openWorkspace(
    suite,
    editor,
    { settings: HOSTILE },
    {
      [FILE]: `${lines.join('\n')}\n`,
      [CHAT]: turns.join('\n'),
    },
  );
  const harmless = watchPayloads(page);
  await workbench.openFile(FILE);

  await test('findings stand in the text, and their messages are text', async () => {
    const rows = await until(
      'findings',
      async () => {
        const found = await workbench.problems();
        return (
          found.some((row) => row.includes('low-left-tail')) &&
          found.some((row) => row.includes('malformed-row')) &&
          found
        );
      },
      { timeout: 120_000 },
    );
    assert.ok(rows.length > 3);
    await page.keyboard.press('Control+J');
    await harmless();
  });

  await test('hovers show no payload as an element', async () => {
    await workbench.goToLine(1);
    const pieces = await until('squiggles', async () => {
      const found = await workbench.squiggles();
      return found.length >= 3 && found;
    });
    assert.ok(pieces.length >= 3);
    for (const n of [0, 1, 2, 3]) {
      await until('a distribution', async () => {
        // Measured anew each time: lenses that come late move the text.
        const piece = (await workbench.squiggles())[n];
        await workbench.hover(piece.left + 20, (piece.top + piece.bottom) / 2, { timeout: 2000 });
        return page.locator('.monaco-hover:visible img[alt="reward distribution"]').count();
      });
      await harmless();
      await page.mouse.move(5, 400);
      await page.keyboard.press('Escape');
    }
  });

  await test('the dashboard shows payloads as they are written', async () => {
    await workbench.command('QRM Lens: Open Dashboard');
    const view = await workbench.webview('.dashboard canvas');
    const excerpts = (part) =>
      until(`excerpts with ${part}`, async () => {
        const all = await view.locator('.rows .cell.text').allInnerTexts();
        return all.some((text) => text.includes(part)) && all;
      });
    const texts = await excerpts(`<img src="${BEACON}/img"`);
    // The table draws the rows in view alone: the others are looked for.
    const search = view.locator('.search input');
    await search.fill('<script>');
    texts.push(...(await excerpts('<script>')));
    await search.fill('');
    assert.ok(
      texts.every((text) => !text.includes('\u001b')),
      'control characters are shown, not sent',
    );
    assert.match(await view.locator('h1').innerText(), /<img src=x onerror=alert\(1\)>\.jsonl/);
    await harmless();
  });

  await test('the distribution view shows them as they are written', async () => {
    await workbench.focusEditor();
    await workbench.goToLine(2, 150);
    await workbench.command('QRM Lens: Show Distribution at Cursor');
    const view = await workbench.webview('.detail .card');
    await until('the text', async () =>
      (await view.locator('.excerpt').allInnerTexts()).some((text) =>
        text.includes('<script>window.__ran=2'),
      ),
    );
    await harmless();
  });

  await test('a chat in Markdown is scored turn by turn, its payloads are text', async () => {
    await workbench.focusEditor();
    await workbench.openFile(CHAT);
    await workbench.command('QRM Lens: Audit This File');
    await until('findings of the chat', async () =>
      (await workbench.findings()).some(({ code }) => code === 'low-left-tail'),
    );
    const marked = await until('squiggles of the chat', async () => {
      const found = await workbench.squiggles();
      return found.length > 0 && found;
    });
    assert.ok(
      marked.every(({ text }) => !/^##|^Question/.test(text)),
      'only assistant turns are marked',
    );
    await harmless();
  });

  await test("the page's own policy allows nothing but the bundle", async () => {
    const view = await workbench.webview('#app');
    const policy = await view
      .locator('meta[http-equiv="Content-Security-Policy"]')
      .getAttribute('content');
    assert.match(policy, /^default-src 'none'; /);
    assert.match(policy, /script-src 'nonce-[A-Za-z0-9+/=]{16,}'/);
    assert.ok(!/unsafe-(inline|eval)|\*/.test(policy), policy);
  });
}
