import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { damageOfTree, type Pages } from './pages.js';

/**
 * LMDB maps its file into memory and trusts it: a file that is not LMDB's, is cut short or has damaged
 * pages kills the process with SIGSEGV or SIGBUS instead of an error. So it is read before it is opened:
 * the two meta pages always, all pages when it was not closed in good order.
 * Layout (64-bit, lmdb-js): a 24-byte page header, then magic, version, address, map size, two
 * 48-byte database records (the page size is the first word of the first), last page, transaction.
 */
const MAGIC = 0xbeefc0de;
const PAGE_HEADER = 24;
const DATABASES = PAGE_HEADER + 24;
const LAST_PAGE = DATABASES + 96;
const META_BYTES = LAST_PAGE + 16;

interface Meta {
  readonly pageSize: number;
  readonly lastPage: bigint;
  readonly transaction: bigint;
  /** The records of the two trees: free pages, and the scores. */
  readonly databases: readonly Buffer[];
}

/** Why the LMDB file must not be opened, or undefined when it may (or does not exist yet). */
export function whyUnsafe(path: string): string | undefined {
  return withMeta(path, (_fd, meta) => (typeof meta === 'string' ? meta : undefined));
}

/**
 * Reads every page that is in use. A file that another process writes to meanwhile is not judged.
 * @returns what is wrong with it, or undefined
 */
export async function damageOf(path: string): Promise<string | undefined> {
  return withMeta(path, async (fd, meta) => {
    if (typeof meta === 'string' || meta === undefined) return meta;
    const { pageSize, databases } = meta;
    const pages: Pages = {
      size: pageSize,
      last: Number(meta.lastPage),
      transaction: meta.transaction,
      used: new Uint8Array(Number(meta.lastPage) + 1),
      read(page, count) {
        const bytes = Buffer.alloc(count * pageSize);
        const got = readSync(fd, bytes, 0, bytes.length, page * pageSize);
        return got === bytes.length ? bytes : undefined;
      },
    };
    for (const record of databases) {
      const damage = await damageOfTree(pages, record);
      if (damage === undefined) continue;
      const now = newest(fd);
      return typeof now === 'object' && now.transaction !== meta.transaction ? undefined : damage;
    }
    return undefined;
  });
}

function withMeta<T>(path: string, look: (fd: number, meta: Meta | string | undefined) => T): T {
  // LMDB fills a missing or empty file itself.
  if (!existsSync(path)) return look(-1, undefined);
  const fd = openSync(path, 'r');
  let later = false;
  try {
    const result = look(fd, newest(fd));
    if (result instanceof Promise) {
      later = true;
      return result.finally(() => closeSync(fd)) as T;
    }
    return result;
  } finally {
    if (!later) closeSync(fd);
  }
}

/** Looks at a file that another process may be writing: a fault must be seen this often in a row. */
const LOOKS = 3;

/** The meta page that LMDB goes by, why there is none, or undefined for an empty file. */
function newest(fd: number): Meta | string | undefined {
  let meta = newestAtOnce(fd);
  for (let look = 1; look < LOOKS && typeof meta === 'string'; look++) meta = newestAtOnce(fd);
  return meta;
}

function newestAtOnce(fd: number): Meta | string | undefined {
  if (fstatSync(fd).size === 0) return undefined;
  const first = readMeta(fd, 0);
  if (first === undefined) return 'it is not an LMDB file';
  const second = readMeta(fd, first.pageSize);
  if (second === undefined) return 'its second meta page is damaged';
  const meta = second.transaction > first.transaction ? second : first;
  const needed = (Number(meta.lastPage) + 1) * first.pageSize;
  // Asked for after the meta pages: the file grows before a meta page tells of it, so an older size can be too small.
  const { size } = fstatSync(fd);
  return size < needed ? `it is cut short: ${size} bytes of ${needed}` : meta;
}

function readMeta(fd: number, at: number): Meta | undefined {
  const page = Buffer.alloc(META_BYTES);
  if (readSync(fd, page, 0, META_BYTES, at) < META_BYTES) return undefined;
  if (page.readUInt32LE(PAGE_HEADER) !== MAGIC) return undefined;
  const pageSize = page.readUInt32LE(DATABASES);
  if (pageSize < 512 || pageSize > 65536 || (pageSize & (pageSize - 1)) !== 0) return undefined;
  const lastPage = page.readBigUInt64LE(LAST_PAGE);
  if (lastPage > 2n ** 40n) return undefined;
  return {
    pageSize,
    lastPage,
    transaction: page.readBigUInt64LE(LAST_PAGE + 8),
    databases: [0, 48].map((at) => page.subarray(DATABASES + at, DATABASES + at + 48)),
  };
}
