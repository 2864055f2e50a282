import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';

/**
 * LMDB maps its file into memory and trusts it: a file that is not LMDB's, or is cut short, kills the
 * process with SIGSEGV or SIGBUS instead of an error. So the two meta pages are read first.
 * Layout (64-bit, lmdb-js): a 24-byte page header, then magic, version, address, map size, two
 * 48-byte database records (the page size is the first word of the first), last page, transaction.
 */
const MAGIC = 0xbeefc0de;
const PAGE_HEADER = 24;
const LAST_PAGE = PAGE_HEADER + 24 + 96;
const META_BYTES = LAST_PAGE + 16;

/** Why the LMDB file must not be opened, or undefined when it may (or does not exist yet). */
export function whyUnsafe(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  const fd = openSync(path, 'r');
  try {
    const size = fstatSync(fd).size;
    if (size === 0) return undefined; // LMDB fills an empty file itself
    const first = readMeta(fd, 0);
    if (first === undefined) return 'it is not an LMDB file';
    const second = readMeta(fd, first.pageSize);
    if (second === undefined) return 'its second meta page is damaged';
    const newest = second.transaction > first.transaction ? second : first;
    const needed = (Number(newest.lastPage) + 1) * first.pageSize;
    if (size < needed) return `it is cut short: ${size} bytes of ${needed}`;
    return undefined;
  } finally {
    closeSync(fd);
  }
}

function readMeta(fd: number, at: number) {
  const page = Buffer.alloc(META_BYTES);
  if (readSync(fd, page, 0, META_BYTES, at) < META_BYTES) return undefined;
  if (page.readUInt32LE(PAGE_HEADER) !== MAGIC) return undefined;
  const pageSize = page.readUInt32LE(PAGE_HEADER + 24);
  if (at === 0 && (pageSize < 512 || (pageSize & (pageSize - 1)) !== 0)) return undefined;
  return {
    pageSize,
    lastPage: page.readBigUInt64LE(LAST_PAGE),
    transaction: page.readBigUInt64LE(LAST_PAGE + 8),
  };
}
