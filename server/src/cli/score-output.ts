import {
  closeSync,
  createReadStream,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
} from 'node:fs';
import { createInterface } from 'node:readline';
import { UsageError } from './errors.js';

/** Cuts a last line without its end: what a killed run had half written. */
export function repair(path: string): void {
  const fd = openSync(path, 'r+');
  try {
    const size = fstatSync(fd).size;
    const block = Buffer.alloc(1 << 16);
    for (let end = size; end > 0;) {
      const start = Math.max(end - block.length, 0);
      const n = readSync(fd, block, 0, end - start, start);
      const at = block.subarray(0, n).lastIndexOf(10);
      if (at >= 0) return ftruncateSync(fd, start + at + 1);
      end = start;
    }
    ftruncateSync(fd, 0);
  } finally {
    closeSync(fd);
  }
}

export const rowKey = (file: string, row: number, hash: string) => `${row}:${hash}:${file}`;

/** What an earlier run wrote. @throws UsageError when the file is not ours, or of other settings. */
export async function readDone(path: string, run: string): Promise<Set<string>> {
  const done = new Set<string>();
  if (!existsSync(path)) return done;
  const fail = (why: string) => new UsageError(`${path} ${why}; name another --out`);
  let first = true;
  for await (const line of createInterface({
    input: createReadStream(path),
    crlfDelay: Infinity,
  })) {
    let value: { run?: unknown; file?: unknown; row?: unknown; hash?: unknown };
    try {
      value = (JSON.parse(line) ?? {}) as typeof value;
    } catch {
      if (first && !line.startsWith('{"run":')) throw fail('is not a file of scores');
      continue;
    }
    if (first && typeof value.run !== 'string') throw fail('is not a file of scores');
    if (value.run !== run) throw fail('was written with another model or other settings');
    first = false;
    done.add(rowKey(String(value.file), Number(value.row), String(value.hash)));
  }
  repair(path); // only now that the file is known to be ours
  return done;
}
