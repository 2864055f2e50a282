import { getSystemErrorMap } from 'node:util';
import { messageOf } from '../errors.js';

/** MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_INVALID. */
const DAMAGE: readonly unknown[] = [-30797, -30796, -30793];

/** Does LMDB say that the file's content is wrong, and not that it cannot be reached? */
export const isDamage = (error: unknown): boolean =>
  DAMAGE.includes((error as { code?: unknown } | undefined)?.code);

/** Without the offsets that LMDB adds to the system's words, and without the path, which is named already. */
export function systemReason(error: unknown): string {
  const { code, errno } = (error ?? {}) as { code?: unknown; errno?: number };
  const number = typeof code === 'number' && code > 0 ? -code : errno;
  const known = number === undefined ? undefined : getSystemErrorMap().get(number);
  if (known !== undefined) return known[1];
  return messageOf(error).replace(/: Attempting to .*$/s, '');
}
