import { messageOf } from '../errors.js';

/** Documented in the README and in `qrm --help`. */
export const EXIT = { ok: 0, findings: 1, usage: 2, unreadable: 3, interrupted: 130 } as const;

export { UsageError } from '../errors.js';

export function explain(error: unknown): string {
  if (process.env['QRM_DEBUG'] === '1' && error instanceof Error)
    return error.stack ?? error.message;
  return `qrm: ${messageOf(error)}`;
}
