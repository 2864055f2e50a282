import { setup } from './setup.mjs';
import { startHost, startBrowser } from './host.mjs';
import { openWorkbench, until } from './workbench.mjs';
import { harmlessLines, makeFolder, TINY, PAYLOADS } from './data.mjs';
import { bundleProcesses } from './processes.mjs';
import { readFileSync, readdirSync } from 'node:fs';
const paths = setup();
const host = await startHost({ ...paths, vsix: '/tmp/q.vsix', settings: TINY });
const browser = await startBrowser(paths.chromium);
let w;
const log = () => {
  for (const f of readdirSync(host.data + '/logs', { recursive: true }))
    if (/QRM Lens\.log$/.test(f))
      console.log(readFileSync(host.data + '/logs/' + f, 'utf8').slice(-1500));
};
try {
  const turns = PAYLOADS.map(
    (payload, n) => `## User\n\nQuestion ${n}\n\n## Assistant\n\nAnswer ${n}: ${payload}\n`,
  );
  const f = makeFolder(host.home, 'w', {
    'a.jsonl': harmlessLines().slice(0, 60).join('\n') + '\n',
    'chat.md': turns.join('\n'),
  });
  w = await openWorkbench(browser, host, f);
  await w.openFile('chat.md');
  await w.command('QRM Lens: Audit This File');
  await w.page.waitForTimeout(20000);
  console.log(await w.problems(), await w.notifications());
  await w.screenshot('/tmp/e2e-c.png');
  await w.page.keyboard.press('Control+J');
  await w.openFile('a.jsonl');
  await w.page.waitForTimeout(20000);
  await w.clearNotifications();
  const [old] = bundleProcesses(host, 'server.js').map(({ pid }) => pid);
  await w.focusEditor();
  await w.command('QRM Lens: Restart Server');
  await until('another server', () =>
    bundleProcesses(host, 'server.js').some(({ pid }) => pid !== old),
  );
  await w.command('QRM Lens: Audit This File');
  await w.page.waitForTimeout(20000);
  console.log(1, await w.notifications());
  await w.screenshot('/tmp/e2e-r.png');
  await w.focusEditor();
  await w.command('QRM Lens: Audit This File');
  await w.page.waitForTimeout(20000);
  console.log(2, await w.notifications());
  log();
} catch (e) {
  console.log(e);
  await w?.screenshot('/tmp/e2e-x.png');
} finally {
  await browser.close();
  await host.stop();
}
