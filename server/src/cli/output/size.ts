import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { compressionOf, containerByMagic, containerOfName, isText } from '../../datasets/index.js';

/**
 * How many bytes of text a dataset holds, without reading it: the scale of `Place.end`. Undefined
 * where that cannot be known (no text, zstd without its size, an unreadable file).
 */
export function textBytes(path: string): number | undefined {
  let fd: number;
  try {
    // To open a pipe would wait for its writer.
    if (!statSync(path).isFile()) return undefined;
    fd = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const { size } = fstatSync(fd);
    const head = Buffer.alloc(18);
    readSync(fd, head, 0, 18, 0);
    const compression = compressionOf(head);
    if (compression === 'none') return holdsText(path, head) ? size : undefined;
    // A skippable frame says nothing of the next one.
    if (compression === 'zstd') return head[3] === 0xfd ? zstdContent(head) : undefined;
    // RFC 1952: the last four bytes hold the size modulo 2^32; text hardly shrinks a thousandfold.
    const tail = Buffer.alloc(4);
    readSync(fd, tail, 0, 4, Math.max(size - 4, 0));
    const bytes = tail.readUInt32LE(0);
    return size < 2 ** 30 && bytes >= size / 2 ? bytes : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

/** By the first bytes that a format has, or by its name. */
function holdsText(path: string, head: Buffer): boolean {
  const container = containerByMagic(head) ?? containerOfName(path);
  return container === undefined || isText(container);
}

/** Frame_Content_Size of RFC 8878, section 3.1.1.1; one frame is taken to be the whole file. */
function zstdContent(head: Buffer): number | undefined {
  const descriptor = head[4] ?? 0;
  const single = (descriptor & 0x20) !== 0;
  const at = 5 + (single ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  switch (descriptor >> 6) {
    case 0:
      return single ? head[at] : undefined;
    case 1:
      return head.readUInt16LE(at) + 256;
    case 2:
      return head.readUInt32LE(at);
    default:
      return at + 8 <= head.length ? Number(head.readBigUInt64LE(at)) : undefined;
  }
}
