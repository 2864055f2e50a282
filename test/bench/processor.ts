import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { processorFlags } from '../../server/src/engine/identity.js';

/** Instruction sets that products are made of, as people write them. */
const SETS: Readonly<Record<string, string>> = {
  avx2: 'AVX2',
  avx512f: 'AVX-512',
  avx_vnni: 'AVX-VNNI',
  avx512_vnni: 'AVX-512 VNNI',
  avx512_bf16: 'AVX-512 BF16',
  amx_int8: 'AMX int8',
  amx_bf16: 'AMX BF16',
  asimddp: 'dot product',
  i8mm: 'I8MM',
  bf16: 'BF16',
  sve: 'SVE',
};

/** Processors of one name and different generations are told apart by family and model. */
function generation(cpuinfo: string): string {
  const of = (name: string): string | undefined =>
    new RegExp(`^${name}\\s*:\\s*(\\d+)$`, 'm').exec(cpuinfo)?.[1];
  const [family, model] = [of('cpu family'), of('model')];
  return family === undefined || model === undefined ? '' : ` (family ${family}, model ${model})`;
}

/** The processor's name and instruction sets: two machines of one title have the same figures, but for cores and clock. */
export function processorTitle(
  name = cpus()[0]?.model.trim() ?? 'unknown processor',
  flags = processorFlags(),
  cpuinfo = readCpuinfo(),
): string {
  const sets = Object.entries(SETS).flatMap(([flag, words]) => (flags.has(flag) ? [words] : []));
  return `${name}${generation(cpuinfo)}: ${sets.join(', ') || process.arch}`;
}

function readCpuinfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}
