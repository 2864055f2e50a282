// Shows the built pages (dist/webview.js) in a browser as VS Code would: its theme variables, its
// policy, a stand-in host. `node webview/dev/shots.mjs OUT_DIR [name…]` writes one PNG a scene.
import { createServer } from 'node:http';
import { mkdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import { themes } from './themes.mjs';

const [out = 'out/shots', ...names] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
const lastTurn = (text) => text.slice(text.lastIndexOf('Assistant:') + 10).trim();
const pairs = gunzipSync(readFileSync('examples/hh-harmless.jsonl.gz'))
  .toString('utf8')
  .split('\n', 400)
  .map((line) => JSON.parse(line))
  .map((p) => ({ chosen: lastTurn(p.chosen), rejected: lastTurn(p.rejected) }));
pairs[3].rejected =
  '<img src=x onerror="document.title=1"><script>alert(1)</script> \u001b[31mred\u202Eevil\u0007';
const two = ['prometheus-score', 'xstest-appropriate'];
const many = [
  'helpsteer-helpfulness',
  'helpsteer-correctness',
  'helpsteer-coherence',
  'helpsteer-complexity',
  'helpsteer-verbosity',
  'ultrafeedback-overall_score',
  'ultrafeedback-instruction_following',
  'ultrafeedback-truthfulness',
  'ultrafeedback-honesty',
  'ultrafeedback-helpfulness',
  'beavertails-is_safe',
  'prometheus-score',
  'argilla-overall_quality',
  'argilla-judge_lm',
  'code-complexity',
  'code-style',
  'code-explanation',
  'code-instruction-following',
  'code-readability',
];
const base = {
  page: 'dashboard',
  size: 2312,
  attributes: two,
  theme: 'dark',
  width: 1280,
  height: 900,
};
export const scenes = {
  'dashboard-dark': {},
  'dashboard-light': { theme: 'light' },
  'dashboard-contrast': { theme: 'contrast' },
  'dashboard-brushed': { attributes: many, size: 200_000, brush: true },
  'dashboard-empty': { size: 0, partial: 0 },
  'dashboard-narrow': { theme: 'light', width: 700, height: 1250 },
  'dashboard-beside': { width: 620, height: 900 },
  'dashboard-slim': { width: 416, height: 900 },
  // As beside a text in a window of 1280 x 900.
  'dashboard-few': { size: 72, width: 614, height: 806, untouched: true },
  'dashboard-few-light': { size: 72, width: 694, height: 806, theme: 'light', untouched: true },
  'detail-beside': { page: 'detail', width: 614, height: 806 },
  'detail-beside-light': { page: 'detail', width: 694, height: 806, theme: 'light' },
  'dashboard-compare': { compare: true },
  'dashboard-running': { partial: 0.4, width: 1100 },
  'dashboard-million': { size: 1_000_000, width: 1500, height: 1000, brush: true },
  'policy-dark': { page: 'policy', height: 1250 },
  'policy-light': { page: 'policy', theme: 'light', width: 700, height: 1400 },
  'policy-many': { page: 'policy', size: 20_000, height: 1000 },
  'detail-dark': { page: 'detail' },
  'detail-light': { page: 'detail', theme: 'light', attributes: many, height: 1200 },
  'detail-contrast': { page: 'detail', theme: 'contrast' },
  'detail-narrow': { page: 'detail', width: 640, height: 1300 },
};

const html = (options, nonce) => `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; img-src data: blob:">
<style nonce="${nonce}">:root{${themes[options.theme].css}}</style>
<link rel="stylesheet" nonce="${nonce}" href="/webview.css"></head>
<body class="${themes[options.theme].kind}" data-page="${options.page}"><main id="app"></main>
<script nonce="${nonce}">window.harness=${JSON.stringify({ ...options, pairs }).replaceAll('<', '\\u003c')};</script>
<script nonce="${nonce}" src="/fake-scores.js"></script><script nonce="${nonce}" src="/fake-host.js"></script><script nonce="${nonce}" src="/webview.js"></script></body></html>`;
const files = {
  '/webview.css': ['text/css', 'dist/webview.css'],
  '/webview.js': ['text/javascript', 'dist/webview.js'],
  '/fake-scores.js': ['text/javascript', 'webview/dev/fake-scores.js'],
  '/fake-host.js': ['text/javascript', 'webview/dev/fake-host.js'],
};
const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const file = files[url.pathname];
  if (file) {
    response.setHeader('content-type', file[0]);
    response.end(readFileSync(file[1]));
  } else if (url.pathname === '/page') {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(html({ ...base, ...scenes[url.searchParams.get('scene')] }, 'shots'));
  } else response.writeHead(404).end();
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const origin = `http://127.0.0.1:${server.address().port}`;
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
for (const [name, scene] of Object.entries(scenes)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const { width, height, brush } = { ...base, ...scene };
  const page = await browser.newPage({ viewport: { width, height } });
  page.on('console', (m) => console.log(`${name}: ${m.type()}: ${m.text()}`));
  page.on('pageerror', (e) => console.log(`${name}: ${e.stack}`));
  await page.addInitScript(() => {
    window.longTasks = [];
    new PerformanceObserver((list) => {
      for (const e of list.getEntries()) window.longTasks.push(Math.round(e.duration));
    }).observe({ type: 'longtask', buffered: true });
  });
  await page.goto(`${origin}/page?scene=${name}`);
  await page.waitForTimeout(brush ? 4000 : 1200);
  const loading = await page.evaluate(() => window.longTasks.splice(0));
  if (brush) {
    const box = await page.locator('.scatter canvas').boundingBox();
    await page.mouse.move(box.x + box.width * 0.12, box.y + box.height * 0.5);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.45, box.y + box.height * 0.85, { steps: 4 });
    await page.mouse.up();
    await page.waitForTimeout(600);
  }
  if (scene.page === 'policy') {
    await page.locator('.policy-table tr:nth-child(3) button').click();
    const slider = page.locator('.controls input').first();
    await slider.focus();
    for (let n = 0; n < 30; n++) await page.keyboard.press('ArrowRight');
    await page.waitForTimeout(600);
  }
  if (scene.page === undefined && !scene.compare && !scene.untouched && scene.size !== 0) {
    await page.locator('.row[data-n="4"]').click();
    await page.waitForTimeout(400);
  }
  const tasks = await page.evaluate(() => window.longTasks);
  console.log(`${name}: tasks over 50 ms: loading ${loading.join(' ')}; after ${tasks.join(' ')}`);
  await page.screenshot({ path: `${out}/${name}.png` });
  await page.close();
}
await browser.close();
server.close();
