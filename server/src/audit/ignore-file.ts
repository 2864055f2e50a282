import { messageOf } from '../errors.js';

/** The entries of an ignore file as `hash` or `hash:code`. @throws Error naming the file. */
export function parseIgnored(path: string, text: string): string[] {
  const fail = (what: string) =>
    new Error(
      `${path}: ${what}; expected {"version": 1, "ignored": [{"hash": "<16 hex digits>"}]}`,
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw fail(`not JSON (${messageOf(error)})`);
  }
  const list = (value as { ignored?: unknown } | null)?.ignored;
  if (!Array.isArray(list)) throw fail('no list "ignored"');
  return list.map((entry: unknown, n) => {
    const { hash, code } = (entry ?? {}) as { hash?: unknown; code?: unknown };
    if (typeof hash !== 'string' || !/^[0-9a-f]{16}$/.test(hash)) throw fail(`entry ${n}: no hash`);
    return typeof code === 'string' ? `${hash}:${code}` : hash;
  });
}
