import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
// prettier-ignore
// @ts-expect-error a script without types
import { bundledPackages, packagesIn, thirdPartyNotices } from '../../../../scripts/package/notices.mjs';
// @ts-expect-error a script without types
import { stageNatives, TARGETS } from '../../../../scripts/package/natives.mjs';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

it('names every package whose code is shipped, with the text of its licence', () => {
  const folder = mkdtempSync(join(tmpdir(), 'qrm-notices-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const inputs = join(folder, 'inputs.json');
  const build = ['esbuild.mjs', '--production', '--only', 'client,server,worker,webview,cli'];
  execFileSync(
    process.execPath,
    [...build, '--outdir', join(folder, 'dist'), '--metafile', inputs],
    { cwd: root },
  );
  const target = TARGETS['linux-x64'];
  const shipped = join(folder, 'node_modules');
  stageNatives(join(root, 'node_modules'), shipped, target);
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  const bundled = JSON.parse(readFileSync(inputs, 'utf8')) as string[];
  const text = thirdPartyNotices(root, bundled, shipped, target) as string;
  const names = [
    ...(bundledPackages(bundled) as string[]).map((path) => path.replace(/^.*node_modules\//, '')),
    ...(packagesIn(shipped) as string[]),
  ];
  expect(names).toEqual(
    expect.arrayContaining(['chart.js', 'lmdb', 'onnxruntime-node', 'commander']),
  );
  const sections = text.split(`\n${'-'.repeat(80)}\n\n`);
  for (const name of names) {
    const section = sections.find((s) => s.startsWith(`${name} `));
    expect(section, name).toBeDefined();
    expect(section!.length, name).toBeGreaterThan(500);
  }
  for (const inside of ['LMDB', 'LZ4', 'ONNX Runtime', 'SmolLM2']) {
    expect(
      sections.some((s) => s.startsWith(inside)),
      inside,
    ).toBe(true);
  }
});
