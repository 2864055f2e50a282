import { messageOf } from '../errors.js';

export { EXIT } from './exit-codes.js';
export { UsageError } from '../errors.js';

/** What the system's limits are called, where one is met. */
function hintOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  if (code === 'EMFILE') return ' (expected a higher limit of open files: ulimit -n)';
  if (
    // The system's own words: a file's name may hold any one of them.
    /WebAssembly\.\w+\(\)|Wasm memory|Array buffer allocation failed|failed to map segment|[Cc]annot allocate memory/.test(
      messageOf(error),
    )
  )
    return ' (expected more memory, or no limit of addresses: ulimit -v unlimited)';
  return '';
}

export function explain(error: unknown): string {
  if (process.env['QRM_DEBUG'] === '1' && error instanceof Error)
    return error.stack ?? error.message;
  return `qrm: ${messageOf(error)}${hintOf(error)}`;
}
