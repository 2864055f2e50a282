// The VSIX holds what it needs on this platform, and nothing of another.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const NATIVE = /\.(node|so(\.\d+)*|dll|dylib)$/;

export default async function ({ test, defer }, { host: start }) {
  const host = await start();
  defer(() => host.stop());
  const name = readdirSync(host.extensions).find((entry) => entry.startsWith('qrm-lens.qrm-lens-'));
  const files = readdirSync(join(host.extensions, name), { recursive: true }).map((file) =>
    file.replaceAll('\\', '/'),
  );

  await test('installs under its publisher, name and version', () => {
    const manifest = JSON.parse(readFileSync(join(host.extensions, name, 'package.json'), 'utf8'));
    assert.ok(name.startsWith(`${manifest.publisher}.${manifest.name}-${manifest.version}`));
    for (const field of ['scripts', 'dependencies', 'devDependencies'])
      assert.equal(manifest[field], undefined);
  });

  await test("holds this platform's native files and no others", () => {
    const native = files.filter((file) => NATIVE.test(file));
    const here = [
      `/${process.platform}/${process.arch}/`,
      `/@lmdb/lmdb-${process.platform}-${process.arch}/`,
      `/native/${process.platform}-${process.arch}.node`,
    ];
    assert.ok(native.some((file) => file.endsWith('onnxruntime_binding.node')));
    assert.ok(native.some((file) => file.includes('/@lmdb/')));
    assert.deepEqual(
      native.filter((file) => !here.some((place) => file.includes(place))),
      [],
    );
    assert.deepEqual(
      native.filter((file) => /cuda|tensorrt|musl/.test(file)),
      [],
    );
  });

  await test('holds no sources, tests or source maps', () => {
    const stray = files.filter((file) =>
      /\.(ts|map|vsix)$|^(server|webview|test|scripts|node_modules)(\/|$)/.test(file),
    );
    assert.deepEqual(stray, []);
  });

  await test('what the Extensions view shows has no link or picture that leads nowhere', () => {
    for (const file of ['readme.md', 'changelog.md']) {
      const text = readFileSync(join(host.extensions, name, file), 'utf8');
      const targets = [...text.matchAll(/\]\(([^)]*)\)/g)].map(([, target]) => target);
      assert.deepEqual(
        targets.filter((target) => !/^(https:|#)/.test(target)),
        [],
      );
    }
  });

  await test('carries the licences of what it ships', () => {
    const notices = readFileSync(join(host.extensions, name, 'ThirdPartyNotices.txt'), 'utf8');
    for (const dependency of ['onnxruntime-node', 'lmdb', 'chart.js', 'vscode-languageclient']) {
      assert.match(notices, new RegExp(`^${dependency} \\d`, 'm'));
    }
  });
}
