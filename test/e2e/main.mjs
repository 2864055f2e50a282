// npm run test:e2e [-- --only NAME] [--vsix FILE] [--headed]: the packaged extension in a real VS Code.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './data.mjs';
import { startBrowser, startHost } from './host.mjs';
import { Runner } from './runner.mjs';
import { run, said, setup } from './setup.mjs';

const option = (flag) => {
  const at = process.argv.indexOf(flag);
  return at < 0 ? undefined : process.argv[at + 1];
};
const suites = join(dirname(fileURLToPath(import.meta.url)), 'suites');
const runner = new Runner({ filter: option('--only'), out: join(root, 'out', 'e2e') });
const paths = await said(setup);
const work = mkdtempSync(join(tmpdir(), 'qrm-lens-vsix-'));
// The suites of the command line, the server for other editors and the Python peers run what stands in dist.
await said(() => run(process.execPath, ['esbuild.mjs'], root));
let vsix = option('--vsix');
if (!vsix) {
  vsix = join(work, 'qrm-lens.vsix');
  const script = join(root, 'scripts', 'package', 'main.mjs');
  await said(() => run(process.execPath, [script, '--out', vsix], root));
}
const browser = await startBrowser(paths.chromium);
try {
  // In their rooms, each known by its own name.
  const files = readdirSync(suites, { recursive: true }).filter((path) => path.endsWith('.mjs'));
  for (const path of files.sort()) {
    const { default: body } = await import(join(suites, path));
    const host = (options = {}) => startHost({ ...paths, vsix, ...options });
    await runner.suite(basename(path, '.mjs'), (suite) => body(suite, { browser, host }));
  }
} finally {
  await browser.close();
  rmSync(work, { recursive: true, force: true });
}
console.log(`\n${runner.passed} passed, ${runner.failed} failed`);
process.exitCode = runner.failed === 0 && runner.passed > 0 ? 0 : 1;
