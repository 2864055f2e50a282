// The kernels of server/native for any x86-64 processor: AVX-512 and tiles are emulated (test/native/emulated).
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { NATIVE, SETS, compileSet } from './kernels.mjs';

const root = join(import.meta.dirname, '..');
const emulated = join(root, 'test', 'native', 'emulated');

/**
 * Compiles them into `library`, with the C compiler at hand (CC, default cc).
 * @param {string} library
 * @param {string} work folder for the objects
 * @param {readonly string[]} flags of the kernels and of the linker
 */
export function buildEmulated(library, work, flags = []) {
  const cc = process.env.CC ?? 'cc';
  const run = (command, args) => execFileSync(command, args, { stdio: 'inherit' });
  const headers = createRequire(import.meta.url)('node-api-headers').include_dir;
  const common = [
    '-DLOOPS_AS_THEY_ARE',
    '-std=c11',
    '-D_GNU_SOURCE',
    '-fPIC',
    '-g',
    '-Wall',
    '-Wextra',
    '-Wno-psabi',
  ];
  const compile = (file, own, object) =>
    run(cc, [...common, `-I${emulated}`, `-I${headers}`, ...own, '-c', file, '-o', object]);
  const objects = Object.keys(SETS).map((set) =>
    compileSet(
      set,
      (file, macro, object) => compile(file, ['-O1', ...flags, ...macro], object),
      run,
      work,
    ),
  );
  const binding = join(work, 'binding.o');
  compile(join(NATIVE, 'binding.c'), ['-O1', ...flags], binding);
  // Registers are no memory: what computes on them is not watched, and fast.
  const registers = join(work, 'emulated.o');
  compile(join(emulated, 'emulated.c'), ['-O3'], registers);
  objects.push(binding, registers);
  const wrapped = ['syscall', 'mmap', 'munmap', 'madvise'].map((name) => `-Wl,--wrap=${name}`);
  run(cc, ['-shared', ...flags, ...wrapped, '-o', library, ...objects, '-lm']);
}
