import { symlinkSync, mkdirSync, writeFileSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { startHost, startBrowser } from './host.mjs';
import { openWorkbench, until } from './workbench.mjs';
import { harmlessLines, makeFolder } from './data.mjs';
import { setup } from './setup.mjs';
const entry =
  '/root/.cache/qrm-lens-e2e/code-server-4.100.0/node_modules/code-server/out/node/entry.js';
const host = await startHost({
  entry,
  settings: { 'qrmLens.model.path': '/work/shared/golden/llama3-qrm-bf16-sharded' },
});
mkdirSync(host.extensions, { recursive: true });
symlinkSync('/work/main', join(host.extensions, 'qrm-lens.qrm-lens-0.1.0'));
const browser = await startBrowser('/usr/bin/chromium');
try {
  const folder = makeFolder(host.home, 'data', {
    'hh.jsonl': harmlessLines().slice(0, 60).join('\n') + '\n',
  });
  copyFileSync('/tmp/ed/pairs.parquet', join(folder, 'pairs.parquet'));
  const w = await openWorkbench(browser, host, folder);
  await w.openFile('hh.jsonl');
  await until('squiggles', async () => (await w.squiggles()).length > 0, { timeout: 90000 });
  await w.page.waitForTimeout(4000);
  await w.screenshot('/tmp/ed/s1.png');
  const [p] = await w.squiggles();
  const h = await w.hover((p.left + p.right) / 2, (p.top + p.bottom) / 2);
  await w.page.waitForTimeout(1500);
  await w.screenshot('/tmp/ed/s2.png');
  await w.command('QRM Lens: Open Dashboard');
  await w.page.waitForTimeout(5000);
  await w.screenshot('/tmp/ed/s3.png');
  await w.focusEditor();
  await w.goToLine(3, 2);
  await w.command('QRM Lens: Show Distribution at Cursor');
  await w.page.waitForTimeout(4000);
  await w.screenshot('/tmp/ed/s4.png');
  await w.openFile('pairs.parquet');
  await w.page.waitForTimeout(3000);
  await w.screenshot('/tmp/ed/s5.png');
  await w.command('QRM Lens: Audit This File');
  await w.page.waitForTimeout(5000);
  await w.screenshot('/tmp/ed/s6.png');
  await w.command('QRM Lens: Doctor');
  await w.page.waitForTimeout(6000);
  await w.screenshot('/tmp/ed/s7.png');
  console.log(w.errors.filter((e) => /qrm|Content Security|webview/i.test(e)).slice(0, 20));
} catch (e) {
  console.log(e);
} finally {
  await browser.close();
  await host.stop();
}
