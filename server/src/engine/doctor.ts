import { existsSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform, release } from 'node:os';
import { basename } from 'node:path';
import type { Precision, Provider } from '../protocol/index.js';
import { cacheIfAny } from '../model/bundle/model-cache.js';
import { candidates, lacking, runtimeVersion } from './device/candidates.js';
import { drawback, probeApart } from './device/choose.js';
import { fixFor } from './device/fixes.js';
import { isSoftware, nvidiaDriver, vulkanDrivers } from './device/driver.js';
import { keepProbe, keptProbe } from './device/known.js';
import { adaptersOf, freeMemory, type Adapter } from './device/memory.js';
import type { ProbeResult } from './device/probe.js';
import { nativeKernels } from './backbone/native.js';

export { CUDA_LIBRARIES } from './device/candidates.js';
export { cudaInstall } from './device/fixes.js';

export interface ProviderReport {
  readonly name: Provider;
  /** It runs small models right. */
  readonly available: boolean;
  readonly chosen: boolean;
  /** Why it is used, or why not. */
  readonly reason: string;
  /** Cards and drivers, as far as the system tells. */
  readonly adapters: readonly Adapter[];
  /** The largest 1 - cosine of hidden states between it and the CPU, by precision. */
  readonly off?: Readonly<Partial<Record<Precision, number>>>;
  /** Tokens a second of the probe's model (1,024 channels), and the CPU's in float32. */
  readonly rate?: number;
  readonly cpuRate?: number;
  /** Bytes. */
  readonly freeMemory?: number;
  /** The commands that would make it available, any of them. */
  readonly fix?: readonly string[];
}

export interface DoctorReport {
  readonly platform: string;
  readonly node: string;
  readonly onnxruntime: string;
  readonly cpu: string;
  readonly threads: number;
  readonly providers: readonly ProviderReport[];
  /** What int8 models run on when the provider is the CPU, and why. */
  readonly int8: string;
}

/**
 * Which execution provider is used on this machine, and why not the others. Every provider is probed anew, and what
 * is found is kept for the next start.
 * @param known takes what was found earlier where nothing has changed since
 */
export async function doctor({
  known = false,
  cacheFolder = cacheIfAny(),
}: { known?: boolean; cacheFolder?: string | undefined } = {}): Promise<DoctorReport> {
  const found: { name: Provider; result: ProbeResult }[] = [];
  for (const name of candidates()) {
    const earlier = known ? await keptProbe(cacheFolder, name) : undefined;
    const result = name === 'cpu' ? {} : (earlier ?? (await probeApart(name)));
    // What is not installed is seen without a probe.
    if (name !== 'cpu' && lacking(name) === undefined) await keepProbe(cacheFolder, name, result);
    found.push({ name, result });
  }
  const fastest = found
    .filter(({ name, result }) => name !== 'cpu' && drawback(result) === undefined)
    .sort((a, b) => b.result.rate! - a.result.rate!)[0];
  const used = fastest?.name ?? 'cpu';
  const providers: ProviderReport[] = [];
  for (const { name, result } of found) providers.push(await report(name, result, name === used));
  return {
    platform: `${platform()} ${arch()} ${release()}`,
    node: process.versions.node,
    onnxruntime: runtimeVersion(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown CPU',
    threads: availableParallelism(),
    providers,
    int8: int8Kernels(),
  };
}

async function report(
  name: Provider,
  { error, off, rate, cpuRate }: ProbeResult,
  chosen: boolean,
): Promise<ProviderReport> {
  const adapters = await knownAdapters(name);
  const free = name === 'cpu' ? freeMemory() : adapters[0]?.free;
  const why = name === 'cpu' ? undefined : drawback({ error, off, rate, cpuRate });
  const reason = chosen
    ? name === 'cpu'
      ? 'no GPU runs right and faster'
      : 'it runs small models right, and is the fastest'
    : (why ?? (name === 'cpu' ? 'runs always' : 'runs right, but another is faster'));
  const fix = error === undefined ? undefined : fixFor(name);
  return {
    name,
    available: error === undefined,
    chosen,
    reason,
    adapters,
    ...(off && { off }),
    ...(rate !== undefined && { rate, cpuRate }),
    ...(free !== undefined && { freeMemory: free }),
    ...(fix && fix.length > 0 && { fix }),
  };
}

/** The cards that the system tells of; for Vulkan its drivers where it tells of none. */
async function knownAdapters(name: Provider): Promise<Adapter[]> {
  if (name === 'cpu') return [];
  const adapters = await adaptersOf(name);
  const driver = nvidiaDriver();
  if (adapters.length > 0) return adapters;
  if (name === 'cuda') return driver ? [{ name: 'NVIDIA', driver }] : [];
  if (platform() !== 'linux') return [];
  return vulkanDrivers()
    .filter((icd) => existsSync(icd))
    .map((icd) => ({
      name: basename(icd).replace(/_icd.*|\.json$/g, ''),
      ...(isSoftware(icd) && { driver: 'computes on the processor' }),
    }));
}

const INSTRUCTIONS = { amx: 'AMX units', vnni: 'AVX-512 VNNI and BF16 instructions' } as const;

function int8Kernels(): string {
  const native = nativeKernels();
  return 'kernels' in native
    ? `own kernels, on the ${INSTRUCTIONS[native.kernels.set]} of this processor`
    : `ONNX Runtime; not our own kernels: ${native.reason} (they are for Linux on x86-64 with AMX, or AVX-512 VNNI and BF16)`;
}
