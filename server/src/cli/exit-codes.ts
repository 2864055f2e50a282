/** Documented in the README and in `qrm --help`. */
export const EXIT = { ok: 0, findings: 1, usage: 2, unreadable: 3, interrupted: 130 } as const;
