// Builds server/native into server/native/prebuilt/<platform>-<arch>.node with the C compiler at hand
// (CC, default cc). The result is committed, so that an installation needs no compiler.
// `--check` only compiles, and says whether the committed file is current.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { NATIVE, PLAIN, SETS, compileSet } from './kernels.mjs';

const check = process.argv.includes('--check');
const target = `${platform()}-${arch()}`;
const prebuilt = join(NATIVE, 'prebuilt', `${target}.node`);
if (target !== 'linux-x64') {
  throw new Error(`The kernels are written for Linux on x86-64 with AVX-512, this is ${target}.`);
}

// The test of engine/backbone/native.ts computes the same: name and content of every source.
const sources = readdirSync(NATIVE).filter((name) => /\.[ch]$/.test(name));
const hash = createHash('sha256');
for (const name of sources.sort()) hash.update(name).update(readFileSync(join(NATIVE, name)));
const source = hash.digest('hex');

const ISA = '-mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512bf16';
const common = ['-std=c11', '-D_GNU_SOURCE', '-fPIC', '-fvisibility=hidden', '-Wall', '-Wextra'];
const kernels = [...ISA.split(' '), '-O3', '-mprefer-vector-width=512'];
const headers = createRequire(import.meta.url)('node-api-headers').include_dir;
const plain = ['-O2', `-I${headers}`, `-DSOURCE_HASH="${source}"`];

const work = mkdtempSync(join(tmpdir(), 'qrm-native-'));
const run = (command, args) => execFileSync(command, args, { stdio: 'inherit' });
const cc = (args) => run(process.env.CC ?? 'cc', args);
try {
  const objects = Object.entries(SETS).map(([set, { flags }]) =>
    compileSet(
      set,
      (file, macro, object) =>
        cc([...common, ...kernels, ...flags, ...macro, '-c', file, '-o', object]),
      run,
      work,
    ),
  );
  for (const name of PLAIN) {
    const object = join(work, `${name}.o`);
    cc([...common, ...plain, '-c', join(NATIVE, name), '-o', object]);
    objects.push(object);
  }
  const out = check ? join(work, 'check.node') : prebuilt;
  mkdirSync(dirname(out), { recursive: true });
  cc(['-shared', '-Wl,-s', '-Wl,--build-id=none', '-o', out, ...objects]);
  const built = createRequire(import.meta.url)(prebuilt);
  if (built.source !== source) {
    throw new Error(`${prebuilt} is not built from these sources: run npm run build:native`);
  }
  const same = check && readFileSync(out).equals(readFileSync(prebuilt));
  const told = same
    ? 'byte by byte what this compiler gives'
    : 'current (another compiler gave it)';
  console.log(check ? `${prebuilt} is ${told}` : `built ${prebuilt}`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
