// npm run check:gpu -- webgpu | cuda-placement | cuda | pack [FOLDER] [--keep]: the graphs that GPUs run, as far as this
// machine can run them. What a check needs it brings itself, into ~/.cache/qrm-lens-gpu. --keep puts what it printed into
// test/bench/GPU.md.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, platform, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { Missing } from './cache.mjs';
import { cudaProvider, VERSION } from './cuda.mjs';
import { lavapipes } from './lavapipe.mjs';
import { pack } from './pack.mjs';
import { stage } from './stage.mjs';
import { standIns } from './stand-ins.mjs';

const root = join(import.meta.dirname, '..', '..');
const printed = [];
const say = (text) => {
  printed.push(text);
  console.log(text);
};

/** Runs a program, its output shown and kept. Exit code; 1 where a signal ended it. */
function shown(program, args, env, cwd = root) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.stdout.setEncoding('utf8').on('data', (text) => {
      printed.push(text.replace(/\n$/, ''));
      process.stdout.write(text);
    });
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

const check = (args, env, folder = root) =>
  shown(process.execPath, [join(folder, 'dist', 'gpu.js'), ...args], env, folder);

/** lavapipe in three guises: all golden checkpoints, the choice of device, and a process that is killed. */
async function webgpu() {
  const { library, plain, ...guises } = await lavapipes();
  say(`lavapipe: ${library}`);
  let worst = 0;
  const run = async (args, env) => {
    worst = Math.max(worst, await check(args, env));
  };
  say(
    '\nAs it is: ONNX Runtime’s FlashAttention by subgroups is wrong there, and must not be used',
  );
  await run(['auto', 'webgpu', 'wrong'], plain);
  for (const [name, env] of Object.entries(guises)) {
    say(
      `\nAll golden checkpoints on WebGPU, lavapipe as ${name === 'nvidia' ? 'a card of NVIDIA’s' : 'a card without subgroups'}`,
    );
    await run(['goldens', 'webgpu'], env);
  }
  say('\nRight, but computed on the processor');
  await run(['auto', 'webgpu', 'right'], guises.nvidia);
  say('');
  await run(['failures', 'webgpu'], guises.nvidia);
  return worst;
}

/** The project with CUDA's provider, in a folder that is removed. */
async function staged(run) {
  const folder = mkdtempSync(join(tmpdir(), 'qrm-gpu-'));
  try {
    stage(folder, await cudaProvider());
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Stand-ins for CUDA's libraries: where nodes go, and what becomes of a run when memory ends or the device is lost. */
async function cudaPlacement() {
  const libraries = await standIns();
  say(`onnxruntime-gpu ${VERSION}, stand-ins ${libraries}`);
  return staged(async (folder) => {
    const env = { LD_LIBRARY_PATH: libraries };
    const placed = await check(['placement'], env, folder);
    return Math.max(placed, await check(['failures', 'cuda', 'stand-ins'], env, folder));
  });
}

/** On a machine with a card, from a checkout. */
const cuda = () => staged((folder) => shown('sh', [join(folder, 'run.sh'), 'cuda'], {}, folder));

const checks = { webgpu, 'cuda-placement': cudaPlacement, cuda };
const [name, ...rest] = process.argv.slice(2).filter((arg) => arg !== '--keep');
try {
  if (name === 'pack') await pack(rest[0] ?? join(root, 'out', 'gpu'));
  else if (checks[name] === undefined) {
    console.error('npm run check:gpu -- webgpu | cuda-placement | cuda | pack [FOLDER]');
    process.exitCode = 2;
  } else {
    const began = Date.now();
    process.exitCode = await checks[name]();
    const load = loadavg()[0].toFixed(1);
    say(
      `\n${process.exitCode === 0 ? 'All holds' : 'NOT ALL HOLDS'}; ${Math.round((Date.now() - began) / 1000)} s, ` +
        `${new Date().toISOString().slice(0, 10)}; ${availableParallelism()} cores, ` +
        `${(totalmem() / 1e9).toFixed(0)} GB, ${platform()} ${release()}, Node ${process.versions.node}; load ${load} after`,
    );
    if (process.argv.includes('--keep')) keep(`check:gpu -- ${name}`);
  }
} catch (error) {
  if (!(error instanceof Missing)) throw error;
  console.error(`check:gpu cannot have what it needs.\n${error.message}`);
  process.exitCode = 2;
}

function keep(part) {
  const file = join(root, 'test', 'bench', 'GPU.md');
  const child = spawn(process.execPath, [join(root, 'dist', 'gpu.js'), 'keep', file, part], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  child.stdin.end(printed.join('\n'));
}
