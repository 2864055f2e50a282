/** Documented in the README and in `qrm --help`. */
export const EXIT = { ok: 0, findings: 1, usage: 2, unreadable: 3, interrupted: 130 } as const;

/** Something the user can put right: shown as its message, without a stack. */
export class UsageError extends Error {}

export function explain(error: unknown): string {
  if (process.env['QRM_DEBUG'] === '1' && error instanceof Error)
    return error.stack ?? error.message;
  return `qrm: ${error instanceof Error ? error.message : String(error)}`;
}
