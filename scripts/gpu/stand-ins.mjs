// Stand-ins for CUDA's libraries (test/gpu/stand-ins), under the names and versions that the provider asks for.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cudaHeaders, cudaProvider, PROVIDERS, VERSION } from './cuda.mjs';
import { must, once } from './cache.mjs';

const SOURCES = join(import.meta.dirname, '..', '..', 'test', 'gpu', 'stand-ins');
const HELP = 'a C and C++ compiler with binutils is needed: apt-get install g++';

/** Of each library of CUDA the functions that the provider asks for. */
function asked(provider) {
  const needed = must('readelf', ['-d', provider], HELP).matchAll(/\[(lib(cu\w+)\.so\.\d+)\]/g);
  const libraries = [...needed].map(([, soname, name]) => ({ soname, name, functions: [] }));
  const symbols = must('nm', ['-D', '--undefined-only', provider], HELP);
  for (const [, name, , soname] of symbols.matchAll(/ U (\w+)(@(\S+))?/g)) {
    const of = soname ?? (/^cu[A-Z]/.test(name) ? 'libcuda.so.1' : undefined);
    libraries.find((library) => library.soname === of)?.functions.push(name);
  }
  return libraries;
}

/** Functions that name themselves in the log; what blas.c has of them replaces them. */
const named = (functions) =>
  [
    'extern void standin_called(const char *name) __attribute__((weak));',
    ...functions.map(
      (name) =>
        `__attribute__((weak)) int ${name}(void) { if (standin_called) standin_called("${name}"); return 0; }`,
    ),
    '',
  ].join('\n');

/** The folder of the libraries. */
export async function standIns() {
  const provider = join(await cudaProvider(), PROVIDERS[1]);
  const include = await cudaHeaders();
  const [runtime, device, blas] = ['cudart.cpp', 'cudart-device.h', 'blas.c'].map((name) =>
    join(SOURCES, name),
  );
  const hash = createHash('sha256').update(VERSION);
  for (const file of [runtime, device, blas, import.meta.filename]) hash.update(readFileSync(file));
  return once(`stand-ins-${hash.digest('hex').slice(0, 12)}`, (draft) => {
    for (const { soname, name, functions } of asked(provider)) {
      const script = join(draft, `${name}.map`);
      writeFileSync(script, `${soname} { global: *; };\n`);
      // libcuda's functions carry no version.
      const versions = soname === 'libcuda.so.1' ? [] : [`-Wl,--version-script=${script}`];
      const link = ['-shared', '-fPIC', '-O1', '-Wall', `-Wl,-soname,${soname}`, ...versions];
      const out = ['-o', join(draft, soname)];
      if (name === 'cudart') {
        const cxx = process.env.CXX ?? 'c++';
        must(cxx, ['-std=c++17', ...link, `-I${include}`, ...out, runtime], HELP);
        continue;
      }
      const rest = join(draft, `${name}.c`);
      writeFileSync(rest, named(functions));
      must(process.env.CC ?? 'cc', [...link, `-DSTANDIN_${name}`, ...out, blas, rest], HELP);
    }
  });
}
