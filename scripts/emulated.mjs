// The kernels of server/native for any x86-64 processor: AVX-512 and tiles are emulated (test/native/emulated).
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const native = join(root, 'server', 'native');
const emulated = join(root, 'test', 'native', 'emulated');

/**
 * Compiles them into `library`, with the C compiler at hand (CC, default cc).
 * @param {string} library
 * @param {string} work folder for the objects
 * @param {readonly string[]} flags of the kernels and of the linker
 */
export function buildEmulated(library, work, flags = []) {
  const cc = process.env.CC ?? 'cc';
  const run = (args) => execFileSync(cc, args, { stdio: 'inherit' });
  const headers = createRequire(import.meta.url)('node-api-headers').include_dir;
  const compile = (file, own) => {
    const object = join(work, `${file.replaceAll('/', '_')}.o`);
    const common = ['-std=c11', '-D_GNU_SOURCE', '-fPIC', '-g', '-Wall', '-Wextra', '-Wno-psabi'];
    run([...common, `-I${emulated}`, `-I${headers}`, ...own, '-c', file, '-o', object]);
    return object;
  };
  const sources = readdirSync(native).filter((name) => name.endsWith('.c') && name !== 'cpu.c');
  const objects = sources.map((name) => compile(join(native, name), ['-O1', ...flags]));
  // Registers are no memory: what computes on them is not watched, and fast.
  objects.push(compile(join(emulated, 'emulated.c'), ['-O3']));
  const wrapped = ['syscall', 'mmap', 'munmap', 'madvise'].map((name) => `-Wl,--wrap=${name}`);
  run(['-shared', ...flags, ...wrapped, '-o', library, ...objects, '-lm']);
}
