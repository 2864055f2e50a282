import { readFileSync } from 'node:fs';
import { arch } from 'node:os';
import type { Provider } from '../protocol/index.js';
import type { EvaluatorInfo } from './types.js';

/** Sets of instructions for which ONNX Runtime has kernels of their own, whose sums are rounded differently. */
const SETS = ['avx2', 'avx512f', 'avx512_vnni', 'avx_vnni', 'asimddp', 'i8mm'];

/** Sets of instructions that our own kernels are compiled for, best first: tiles, or vectors (AVX-512 VNNI and BF16). */
export const KERNEL_SETS = ['amx', 'vnni'] as const;
export type KernelSet = (typeof KERNEL_SETS)[number];
/** How a set rounds: another name where a later version rounds otherwise, so that no score is taken for one of now. */
const ROUNDING: Readonly<Record<KernelSet, string>> = { amx: 'amx', vnni: 'vnni-2' };

/** `onnxruntime` does without our own kernels, the name of a set takes that: for comparing them. */
export const KERNEL_SWITCH = 'QRM_LENS_KERNELS';
export const wantedKernels = (): string | undefined => process.env[KERNEL_SWITCH];

let flags: ReadonlySet<string> | undefined;
/** The processor's flags, as Linux tells them; empty elsewhere. */
export function processorFlags(): ReadonlySet<string> {
  if (flags !== undefined) return flags;
  let text = '';
  try {
    text = readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    // Not Linux.
  }
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1] ?? '';
  return (flags = new Set(line.trim().split(/\s+/)));
}

/** What rounds a model's numbers: the kind of device, and on the CPU whose kernels for which processor. */
export function kernelSet(provider: Provider, native?: KernelSet): string {
  if (provider !== 'cpu') return provider;
  if (native !== undefined) return `cpu-${ROUNDING[native]}`;
  return ['cpu', arch(), ...SETS.filter((set) => processorFlags().has(set))].join('-');
}

/** All that decides whose kernels run an int8 model here, without asking them. */
export const kernelFacts = (): readonly string[] => [
  kernelSet('cpu'),
  ...KERNEL_SETS,
  ...['avx512_bf16', 'amx_int8', 'amx_bf16'].filter((flag) => processorFlags().has(flag)),
  wantedKernels() ?? '',
];

/** What an evaluator's scores are kept by: the model and its precision, and what rounded them. */
export const identityOf = ({
  modelHash,
  kernels,
}: Pick<EvaluatorInfo, 'modelHash' | 'kernels'>): string =>
  kernels === undefined ? modelHash : `${modelHash}@${kernels}`;
