import { getSystemErrorMap } from 'node:util';
import { messageOf } from '../errors.js';

/** The system's own words for an error, without call and path; else the error's message. */
export function systemReason(error: unknown): string {
  const { code, errno } = (error ?? {}) as { code?: unknown; errno?: number };
  // LMDB gives the number as its code.
  const number = typeof code === 'number' && code > 0 ? -code : errno;
  const known = number === undefined ? undefined : getSystemErrorMap().get(number);
  return known?.[1] ?? messageOf(error);
}
