// npm run asan -- [COUNT] [SEED] [ONLY]: server/native with AddressSanitizer and UndefinedBehaviorSanitizer over COUNT
// random models (default 100), on any x86-64 Linux: AVX-512 and tiles are emulated (test/native/emulated).
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from './bundle.mjs';
import { buildEmulated } from './emulated.mjs';

const root = join(import.meta.dirname, '..');
const cc = process.env.CC ?? 'cc';
const work = mkdtempSync(join(tmpdir(), 'qrm-asan-build-'));
const SANITIZE = [
  '-fsanitize=address,undefined,float-cast-overflow',
  '-fno-sanitize-recover=all',
  '-fno-omit-frame-pointer',
];
try {
  const library = join(work, 'asan.node');
  buildEmulated(library, work, SANITIZE);
  const driver = join(work, 'driver.mjs');
  await bundle(join(root, 'test', 'native', 'main.ts'), driver);
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
