/** Batches below this are not worth halving. */
const LEAST = 64;

/** As ONNX Runtime's arenas, CUDA, Vulkan, Direct3D and C++ say that memory does not do. */
const WORDS =
  /out of (?:device |host )?memory|failed to allocate memory|bad[_ ]?alloc|cudaErrorMemoryAllocation|CUDA failure 2\b|CUBLAS_STATUS_ALLOC_FAILED|E_OUTOFMEMORY|8007000E|not enough memory/i;

export const isOutOfMemory = (message: string): boolean => WORDS.test(message);

/** The device is gone, or what it computes is not to be trusted: only a process begun anew helps. */
const LOST =
  /device (?:is |was )?(?:lost|removed|hung)|DEVICE_LOST|DXGI_ERROR_DEVICE_|illegal memory access|unspecified launch failure|CUDA failure (?:46|100|101|700|719|999)\b|CUBLAS_STATUS_(?:EXECUTION_FAILED|INTERNAL_ERROR)/i;

export const isDeviceLost = (message: string): boolean => LOST.test(message);

/** Tokens of a batch: halved when memory does not do, so that what is left runs in smaller ones. */
export class TokenBudget {
  #tokens: number;

  constructor(tokens: number) {
    this.#tokens = tokens;
  }

  get tokens(): number {
    return this.#tokens;
  }

  /**
   * After a batch of so many tokens met the end of memory: may its parts be tried again?
   * @param items in that batch; one alone cannot be made smaller
   */
  shrink(batch: number, items: number): boolean {
    if (items < 2) return false;
    // Another runner's batch may have halved it already.
    this.#tokens = Math.max(LEAST, Math.min(this.#tokens, Math.floor(batch / 2)));
    return true;
  }
}

const LOWEST = 256;
const HIGHEST = 32768;

/**
 * Tokens of a GPU's batch by the memory that the weights leave free.
 * @param free bytes beside the weights; undefined where nobody tells
 * @param perToken bytes
 */
export function gpuBudget(free: number | undefined, perToken: number): number {
  if (free === undefined) return 8192;
  const tokens = Math.floor(free / perToken / 256) * 256;
  return Math.min(HIGHEST, Math.max(LOWEST, tokens));
}
