import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { candidates, lacking } from '../../../server/src/engine/device/candidates.js';
import { chooseDevice, drawback } from '../../../server/src/engine/device/choose.js';
import { driverMark, isSoftware, vulkanDrivers } from '../../../server/src/engine/device/driver.js';
import { keepProbe, keptProbe } from '../../../server/src/engine/device/known.js';
import { freeMemory, memoryFor, parseNvidia } from '../../../server/src/engine/device/memory.js';
import { probe } from '../../../server/src/engine/device/probe.js';
import { identityOf, kernelSet } from '../../../server/src/engine/identity.js';
import {
  gpuBudget,
  isDeviceLost,
  isOutOfMemory,
  TokenBudget,
} from '../../../server/src/engine/batches/token-budget.js';

const folder = mkdtempSync(join(tmpdir(), 'qrm-device-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const icds = process.env['VK_ICD_FILENAMES'];
afterEach(() => {
  if (icds === undefined) delete process.env['VK_ICD_FILENAMES'];
  else process.env['VK_ICD_FILENAMES'] = icds;
});

describe('the providers of a platform', () => {
  it.each([
    ['linux', 'x64', ['cuda', 'webgpu', 'cpu']],
    ['linux', 'arm64', ['cpu']],
    ['win32', 'x64', ['dml', 'webgpu', 'cpu']],
    ['darwin', 'arm64', ['webgpu', 'cpu']],
    ['darwin', 'x64', ['cpu']],
  ])('%s %s', (os, processor, expected) => {
    expect(candidates(os, processor)).toEqual(expected);
  });

  it('names the libraries of CUDA that are not there', () => {
    expect(lacking('cpu')).toBeUndefined();
    const found = lacking('cuda');
    if (process.platform === 'linux' && process.arch === 'x64' && found !== undefined)
      expect(found).toMatch(/^libonnxruntime_providers_\w+\.so (and .* are|is) not installed$/);
  });
});

describe('a probe', () => {
  it('runs every form of the CPU right, and measures a speed', { timeout: 120_000 }, async () => {
    const { error, off, rate, cpuRate } = await probe('cpu');
    expect(error).toBeUndefined();
    expect(Object.keys(off ?? {})).toEqual(['int4']);
    expect(off?.int4).toBeLessThan(1e-2);
    expect(rate).toBeGreaterThan(0);
    expect(cpuRate).toBeGreaterThan(0);
  });

  it('is not repeated while the drivers are the same; a failure holds for a day', async () => {
    const now = Date.now();
    await keepProbe(folder, 'webgpu', { rate: 5, cpuRate: 1 });
    expect(await keptProbe(folder, 'webgpu', now + 30 * 864e5)).toEqual({ rate: 5, cpuRate: 1 });
    await keepProbe(folder, 'cuda', { error: 'no driver' });
    expect(await keptProbe(folder, 'cuda', now)).toEqual({ error: 'no driver' });
    expect(await keptProbe(folder, 'cuda', now + 2 * 864e5)).toBeUndefined();
    // The other's is still there.
    expect(await keptProbe(folder, 'webgpu')).toBeDefined();
    if (process.platform !== 'linux') return;
    const icd = join(folder, 'new_icd.json');
    writeFileSync(icd, '{}');
    const before = driverMark('webgpu');
    process.env['VK_ICD_FILENAMES'] = icd;
    expect(driverMark('webgpu')).not.toBe(before);
    expect(await keptProbe(folder, 'webgpu')).toBeUndefined();
    expect(vulkanDrivers()).toEqual([icd]);
  });

  it('speaks for a GPU only where it is faster than the CPU’s int8', () => {
    expect(drawback({ rate: 100, cpuRate: 10 })).toBeUndefined();
    // lavapipe: right, and fourteen times slower.
    expect(drawback({ rate: 0.7, cpuRate: 10 })).toMatch(/^it runs, at 0\.070 times/);
    expect(drawback({ error: 'wrong numbers' })).toBe('wrong numbers');
  });

  it('that found a slow device leaves auto on the CPU, and says why', async () => {
    for (const name of ['cuda', 'webgpu', 'dml'] as const)
      await keepProbe(folder, name, { rate: 1, cpuRate: 10 });
    const choice = await chooseDevice('auto', folder);
    expect(choice.provider).toBe('cpu');
    const others = candidates().filter((p) => p !== 'cpu' && lacking(p) === undefined);
    for (const name of others) expect(choice.note).toContain(`${name}: it runs, at 0.10 times`);
  });

  it('that found wrong numbers is told too; that there is no GPU is not', async () => {
    const others = candidates().filter((p) => p !== 'cpu' && lacking(p) === undefined);
    const error = 'it computes wrong numbers in float32 (cosine 0.9951)';
    for (const name of others) await keepProbe(folder, name, { error, off: { float32: 5e-3 } });
    const choice = await chooseDevice('auto', folder);
    expect(choice.provider).toBe('cpu');
    for (const name of others) expect(choice.note).toContain(`${name}: ${error}`);
    for (const name of others) await keepProbe(folder, name, { error: 'no driver' });
    expect(await chooseDevice('auto', folder)).toEqual({ provider: 'cpu' });
  });

  it('that found a fast one makes auto take it, unless it failed in use', async () => {
    const fast = candidates().find((p) => p !== 'cpu' && lacking(p) === undefined);
    if (fast === undefined) return;
    await keepProbe(folder, fast, { rate: 1000, cpuRate: 10 });
    expect(await chooseDevice('auto', folder)).toEqual({ provider: fast });
    expect((await chooseDevice('auto', folder, [fast])).provider).toBe('cpu');
  });

  it('knows drivers that compute on the processor', () => {
    expect(isSoftware('/usr/share/vulkan/icd.d/lvp_icd.x86_64.json')).toBe(true);
    expect(isSoftware('/usr/share/vulkan/icd.d/radeon_icd.x86_64.json')).toBe(false);
  });
});

describe('memory', () => {
  it('is read from nvidia-smi', () => {
    const text = 'NVIDIA H100 80GB HBM3, 580.95.05, 80995, 81559\nTesla T4, 535.1, [N/A], 15360\n';
    expect(parseNvidia(text)).toEqual([
      {
        name: 'NVIDIA H100 80GB HBM3',
        driver: '580.95.05',
        free: 80995 * 2 ** 20,
        total: 81559 * 2 ** 20,
      },
      { name: 'Tesla T4', driver: '535.1', free: undefined, total: 15360 * 2 ** 20 },
    ]);
  });

  it('of a GPU is what the user allows; of the CPU what is free', async () => {
    expect(await memoryFor('cuda', 5e9)).toBe(5e9);
    expect(await memoryFor('cpu', 5e9)).toBeGreaterThan(0);
    expect(freeMemory()).toBeGreaterThan(0);
  });

  it.each([
    'Failed to allocate memory for requested buffer of size 4294967296',
    'CUDA failure 2: out of memory ; GPU=0 ; hostname=x',
    'std::bad_alloc',
    'VK_ERROR_OUT_OF_DEVICE_MEMORY: Out of device memory',
  ])('that does not do is known by its words: %s', (message) => {
    expect(isOutOfMemory(message)).toBe(true);
    expect(isDeviceLost(message)).toBe(false);
  });

  it.each([
    'WebGPU device lost (1): Device was destroyed.',
    'CUDA failure 700: an illegal memory access was encountered',
    'VK_ERROR_DEVICE_LOST',
  ])('a device that is gone is told from it: %s', (message) => {
    expect(isDeviceLost(message)).toBe(true);
    expect(isOutOfMemory(message)).toBe(false);
  });

  it('halves batches that do not fit, but not one that is alone', () => {
    const budget = new TokenBudget(8192);
    expect(budget.shrink(8000, 12)).toBe(true);
    expect(budget.tokens).toBe(4000);
    // A batch that was begun before the halving.
    expect(budget.shrink(8100, 9)).toBe(true);
    expect(budget.tokens).toBe(4000);
    expect(budget.shrink(3000, 1)).toBe(false);
    for (let i = 0; i < 20; i++) budget.shrink(budget.tokens, 2);
    expect(budget.tokens).toBe(64);
  });

  it('sets the first batch of a GPU', () => {
    expect(gpuBudget(undefined, 5e5)).toBe(8192);
    expect(gpuBudget(8.2e9, 5e5)).toBe(16384);
    expect(gpuBudget(1e12, 5e5)).toBe(32768);
    expect(gpuBudget(-1e9, 5e5)).toBe(256);
  });
});

describe('what scores are kept by', () => {
  it('tells devices and kernels apart', () => {
    const sets = [
      kernelSet('cpu', 'amx'),
      kernelSet('cpu', 'vnni'),
      kernelSet('cpu'),
      kernelSet('cuda'),
      kernelSet('webgpu'),
    ];
    const ids = sets.map((kernels) => identityOf({ modelHash: 'm', kernels }));
    expect(new Set(ids).size).toBe(5);
    expect(ids[0]).toBe('m@cpu-amx');
    expect(identityOf({ modelHash: 'm' })).toBe('m');
  });
});
