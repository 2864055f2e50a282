import { describe, expect, it } from 'vitest';
import { faultsOf, readPlacement } from '../../gpu/log.js';

// Lines of ONNX Runtime 1.30 at the level "verbose", and of its attention with ORT_ENABLE_ATTENTION_KERNEL_DEBUG_INFO.
const AT =
  '2026-11-28 10:04:57.747 [V:onnxruntime:, session_state.cc:1380 VerifyEachNodeIsAssignedToAnEp]';
const WHOLE = `${AT}  All nodes placed on [CUDAExecutionProvider]. Number of nodes: 48`;
const attention = (node: number, kernel: string): string =>
  `\u001b[36mOperator=GroupQueryAttention Node=GroupQueryAttention_${node} DataType=fp16 SdpaKernel=${kernel}\u001b[0m`;
const FLASH = [attention(14, 'FLASH_ATTENTION'), attention(35, 'FLASH_ATTENTION')];

const faults = (...lines: string[]): string[] => faultsOf(readPlacement(lines.join('\n')), 2);

describe('the placement of nodes, as ONNX Runtime logs it', () => {
  it('is right where all is on CUDA and each layer has Flash attention, told once or twice', () => {
    expect(faults(WHOLE, ...FLASH)).toEqual([]);
    expect(faults(WHOLE, ...FLASH, FLASH[1]!)).toEqual([]);
  });

  it('is wrong where a node is on the CPU, and names it', () => {
    const part = [
      `${AT} Node(s) placed on [CPUExecutionProvider]. Number of nodes: 1`,
      `${AT}   Attention (Attention_9)`,
      `${AT} Node(s) placed on [CUDAExecutionProvider]. Number of nodes: 47`,
      `${AT}   Gemm (Gemm_1)`,
    ];
    expect(faults(...part, ...FLASH)).toEqual(['1 nodes on CPUExecutionProvider (Attention)']);
  });

  it('is wrong where something is copied, attention is not Flash, or nothing was logged', () => {
    const copy =
      '[V:onnxruntime:, transformer_memcpy.cc:350 AddCopyNode] Add MemcpyToHost after Gemm_0 for CUDAExecutionProvider';
    expect(faults(WHOLE, copy, ...FLASH)).toEqual([
      'copied between devices: MemcpyToHost at Gemm_0',
    ]);
    expect(faults(WHOLE, FLASH[0]!, attention(35, 'MATH'))).toEqual([
      '1 of 2 layers have Flash attention (FLASH_ATTENTION, MATH)',
    ]);
    expect(faults(WHOLE, FLASH[0]!)).toHaveLength(1);
    expect(faults('')).toHaveLength(2);
  });
});
