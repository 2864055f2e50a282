// What hostile datasets hold, and how to tell that none of it became more than text.
import assert from 'node:assert/strict';
import { TINY } from './data.mjs';

/** Where a payload would report that it ran; nothing listens there. */
export const BEACON = 'http://127.0.0.1:9/qrm-lens-e2e';
/** What a hostile dataset holds; none of it may be more than text anywhere. */
export const PAYLOADS = [
  `<img src="${BEACON}/img" onerror="window.__ran=1">`,
  `<script>window.__ran=2;fetch("${BEACON}/script")</script>`,
  `<iframe srcdoc="<script>parent.__ran=3</script>"></iframe>`,
  `<svg onload="window.__ran=4"><style>*{display:none}</style></svg>`,
  `![picture](${BEACON}/markdown.png) [run](command:workbench.action.toggleZenMode)`,
  '\u001b[31mred\u001b[0m \u001b]0;title\u0007 $(zap) `code` **bold** # heading',
  '"><b id="broke-out">x</b><!-- ]]> --> {{7*7}} ${7*7}',
  '\u202Egnp.exe \u0000 \uFEFF \u2028 ‮',
];

/** Every response has a finding to be shown, and odd line ends ask no question. */
export const HOSTILE = {
  ...TINY,
  'qrmLens.thresholds.tail': '1000',
  'editor.unusualLineTerminators': 'off',
};

/** Pairs with a payload in the prompt, both responses, the field names' values and an unknown field. */
export const hostileRecords = () =>
  PAYLOADS.map((payload, n) => ({
    id: payload,
    prompt: `Question ${n}: ${payload}`,
    chosen: `Answer ${n}: ${payload} is what you asked for.`,
    rejected: `${payload} No ${n}.`,
    source: payload,
  }));

export const hostileLines = () => hostileRecords().map((record) => JSON.stringify(record));

/** Watches a page from now on; the function returned asserts that no payload ran, was fetched or became an element. */
export function watchPayloads(page) {
  const calls = [];
  page.on('request', (request) => request.url().startsWith(BEACON) && calls.push(request.url()));
  page.on('dialog', (dialog) => {
    calls.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return async () => {
    for (const frame of page.frames()) {
      const seen = await frame
        .evaluate((beacon) => ({
          ran: window.__ran,
          elements: document.querySelectorAll(
            `#broke-out, [src^="${beacon}"], [onerror], [onload], iframe[srcdoc]:not(.webview), a[data-href^="command:workbench.action.toggleZenMode"]`,
          ).length,
        }))
        .catch(() => ({ elements: 0 }));
      assert.equal(seen.ran, undefined);
      assert.equal(seen.elements, 0);
    }
    assert.deepEqual(calls, []);
  };
}
