// npm run asan -- [COUNT] [SEED] [ONLY]: server/native with AddressSanitizer and UndefinedBehaviorSanitizer over COUNT
// random models (default 100), on any x86-64 Linux: AVX-512 and tiles are emulated (test/native/emulated).
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');
const native = join(root, 'server', 'native');
const emulated = join(root, 'test', 'native', 'emulated');
const cc = process.env.CC ?? 'cc';
const work = mkdtempSync(join(tmpdir(), 'qrm-asan-build-'));
const compile = (file, flags) => {
  const object = join(work, `${file.replaceAll('/', '_')}.o`);
  const common = ['-std=c11', '-D_GNU_SOURCE', '-fPIC', '-g', '-Wall', '-Wextra', '-Wno-psabi'];
  const headers = createRequire(import.meta.url)('node-api-headers').include_dir;
  execFileSync(
    cc,
    [...common, `-I${emulated}`, `-I${headers}`, ...flags, '-c', file, '-o', object],
    {
      stdio: 'inherit',
    },
  );
  return object;
};
const SANITIZE = [
  '-fsanitize=address,undefined,float-cast-overflow',
  '-fno-sanitize-recover=all',
  '-fno-omit-frame-pointer',
];
try {
  const sources = readdirSync(native).filter((name) => name.endsWith('.c') && name !== 'cpu.c');
  const objects = sources.map((name) => compile(join(native, name), ['-O1', ...SANITIZE]));
  // Registers are no memory: what computes on them is not watched, and fast.
  objects.push(compile(join(emulated, 'emulated.c'), ['-O3']));
  const wrapped = ['syscall', 'mmap', 'munmap', 'madvise'].map((name) => `-Wl,--wrap=${name}`);
  const library = join(work, 'asan.node');
  execFileSync(cc, ['-shared', ...SANITIZE, ...wrapped, '-o', library, ...objects, '-lm'], {
    stdio: 'inherit',
  });
  const driver = join(work, 'driver.mjs');
  await build({
    entryPoints: [join(root, 'test', 'native', 'main.ts')],
    outfile: driver,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['onnxruntime-node', 'lmdb'],
    logLevel: 'warning',
  });
  const preload = ['libasan.so', 'libubsan.so']
    .map((name) => execFileSync(cc, [`-print-file-name=${name}`], { encoding: 'utf8' }).trim())
    .join(' ');
  const { status, signal } = spawnSync(
    process.execPath,
    [driver, library, ...process.argv.slice(2)],
    {
      stdio: 'inherit',
      env: {
        ...process.env,
        LD_PRELOAD: preload,
        // Node itself leaves memory to the end of the process; a refused allocation is for the kernels to handle.
        ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1:detect_stack_use_after_return=1',
        UBSAN_OPTIONS: 'print_stacktrace=1',
      },
    },
  );
  if (status !== 0) {
    console.error(`the sanitized kernels ended with ${signal ?? `exit code ${status}`}`);
    process.exitCode = 1;
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
