import { setImmediate } from 'node:timers/promises';

/** The pages of an LMDB file (format of lmdb-js 3, 64-bit, little endian). */
export interface Pages {
  /** Bytes of a page. */
  readonly size: number;
  readonly last: number;
  /** The last one committed: no page is of a later one. */
  readonly transaction: bigint;
  /** One for each page that was met: trees share none, and meet each once. */
  readonly used: Uint8Array;
  read(page: number, count: number): Buffer | undefined;
}

const HEADER = 24;
const NODE = 8;
const [BRANCH, LEAF, OVERFLOW] = [1, 2, 4];
const [BIG, SUB, DUPLICATES] = [1, 2, 4];
const NONE = 2n ** 64n - 1n;
/** Pages between two turns of the event loop: some milliseconds. */
const TURN = 500;

interface Database {
  readonly depth: number;
  readonly branches: bigint;
  readonly leaves: bigint;
  readonly overflows: bigint;
  readonly entries: bigint;
  readonly root: bigint;
}

function databaseOf(record: Buffer): Database {
  const at = (offset: number) => record.readBigUInt64LE(offset);
  return {
    depth: record.readUInt16LE(6),
    branches: at(8),
    leaves: at(16),
    overflows: at(24),
    entries: at(32),
    root: at(40),
  };
}

class Damage extends Error {}

/**
 * Walks a tree: every page is what its parent says, within the file, met once, its nodes inside it and
 * their keys ascending; the counts are those of the record. Values are not looked at: each score has
 * a checksum of its own.
 * @param record of a database in the meta page, 48 bytes
 * @returns the first thing that is wrong, or undefined
 */
export async function damageOfTree(pages: Pages, record: Buffer): Promise<string | undefined> {
  const database = databaseOf(record);
  if (database.root === NONE) return undefined;
  const counts = { branches: 0n, leaves: 0n, overflows: 0n, entries: 0n };
  const stack = [{ page: database.root, depth: 1 }];
  let turns = 0;
  try {
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (++turns % TURN === 0) await setImmediate();
      const bytes = take(pages, next.page, 1);
      const leaf = next.depth === database.depth;
      expect(bytes, 18, leaf ? LEAF : BRANCH, next.page);
      if (leaf) counts.leaves++;
      else counts.branches++;
      for (const node of nodesOf(bytes, next.page)) {
        if (leaf) {
          counts.entries++;
          counts.overflows += value(pages, bytes, node, next.page);
        } else stack.push({ page: child(bytes, node), depth: next.depth + 1 });
      }
    }
    for (const name of ['branches', 'leaves', 'overflows', 'entries'] as const) {
      if (counts[name] !== database[name])
        throw new Damage(`it has ${counts[name]} ${name} and says ${database[name]}`);
    }
  } catch (error) {
    if (error instanceof Damage) return error.message;
    throw error;
  }
  return undefined;
}

function take(pages: Pages, page: bigint, count: number): Buffer {
  if (page < 2n || page + BigInt(count) > BigInt(pages.last) + 1n)
    throw new Damage(`page ${page} is not in it`);
  const n = Number(page);
  for (let i = n; i < n + count; i++) {
    if (pages.used[i] === 1) throw new Damage(`page ${i} is in it twice`);
    pages.used[i] = 1;
  }
  const bytes = pages.read(n, count);
  if (bytes === undefined) throw new Damage(`page ${page} cannot be read`);
  if (bytes.readBigUInt64LE(0) !== page || bytes.readBigUInt64LE(8) > pages.transaction)
    throw new Damage(`page ${page} is another one`);
  return bytes;
}

function expect(bytes: Buffer, at: number, kind: number, page: bigint): void {
  if (bytes.readUInt16LE(at) !== kind) throw new Damage(`page ${page} is of another kind`);
}

/** Offsets of a page's nodes, their keys and bounds looked at. */
function nodesOf(bytes: Buffer, page: bigint): number[] {
  const [lower, upper] = [bytes.readUInt16LE(20), bytes.readUInt16LE(22)];
  const room = bytes.length - HEADER;
  if (lower % 2 !== 0 || lower === 0 || lower > upper || upper > room)
    throw new Damage(`page ${page} has impossible bounds`);
  const nodes: number[] = [];
  const branch = bytes.readUInt16LE(18) === BRANCH;
  let before: Buffer | undefined;
  for (let i = 0; i < lower / 2; i++) {
    const at = bytes.readUInt16LE(HEADER + 2 * i) + HEADER;
    if (at < upper + HEADER || at + NODE > bytes.length)
      throw new Damage(`page ${page} has a node outside`);
    const key = bytes.subarray(at + NODE, at + NODE + bytes.readUInt16LE(at + 6));
    const end = at + NODE + bytes.readUInt16LE(at + 6) + (branch ? 0 : inPage(bytes, at));
    if (end > bytes.length) throw new Damage(`page ${page} has a node outside`);
    // The first key of a branch page stands for all that is lower.
    if (!(branch && i === 0)) {
      if (key.length === 0) throw new Damage(`page ${page} has an empty key`);
      if (before !== undefined && compare(before, key) >= 0)
        throw new Damage(`page ${page} has keys out of order`);
      before = key;
    }
    nodes.push(at);
  }
  return nodes;
}

/** Keys of 8 bytes are the free pages' transactions, numbers; the others are hashes, compared by bytes. */
function compare(a: Buffer, b: Buffer): number {
  if (a.length !== 8 || b.length !== 8) return Buffer.compare(a, b);
  const [x, y] = [a.readBigUInt64LE(0), b.readBigUInt64LE(0)];
  return x < y ? -1 : Number(x > y);
}

/** Bytes of a value that stand in the node itself: all, or the number of the first of its own pages. */
function inPage(bytes: Buffer, node: number): number {
  return (bytes.readUInt16LE(node + 4) & BIG) !== 0 ? 8 : bytes.readUInt32LE(node);
}

/** @returns how many pages of its own the value has */
function value(pages: Pages, bytes: Buffer, node: number, page: bigint): bigint {
  const flags = bytes.readUInt16LE(node + 4);
  if ((flags & (SUB | DUPLICATES)) !== 0) throw new Damage(`page ${page} has an unknown node`);
  if ((flags & BIG) === 0) return 0n;
  const size = bytes.readUInt32LE(node);
  const count = Math.floor((HEADER - 1 + size) / pages.size) + 1;
  const first = bytes.readBigUInt64LE(node + NODE + bytes.readUInt16LE(node + 6));
  if (count > pages.last) throw new Damage(`page ${page} has an impossible value`);
  const own = take(pages, first, count);
  expect(own, 18, OVERFLOW, first);
  if (own.readUInt32LE(20) !== count) throw new Damage(`page ${first} has another length`);
  return BigInt(count);
}

/** The page number of a branch node: 48 bits over its three first words. */
function child(bytes: Buffer, node: number): bigint {
  return (BigInt(bytes.readUInt16LE(node + 4)) << 32n) | BigInt(bytes.readUInt32LE(node));
}
