import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainBytes } from '../../datasets/index.js';

/** Bytes that are read at once. */
const PAGE = 1 << 18;

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}

/** Any bytes of a (decompressed) file, a page at a time. */
export class FileBytes {
  private page = Buffer.alloc(0);
  private pageAt = 0;
  readonly size: number;

  private constructor(
    private readonly fd: number,
    private readonly folder: string | undefined,
  ) {
    this.size = fstatSync(fd).size;
  }

  /** @param compressed its plain bytes are written to a temporary file first */
  static async open(path: string, compressed: boolean, signal?: AbortSignal): Promise<FileBytes> {
    if (!compressed) return new FileBytes(openSync(path, 'r'), undefined);
    const folder = await mkdtemp(join(tmpdir(), 'qrm-lens-clean-'));
    const gone = () => rm(folder, { recursive: true, force: true });
    let fd: number | undefined;
    try {
      fd = openSync(join(folder, 'plain'), 'wx+', 0o600);
      // Without a name it goes with its process, however that ends; Windows keeps the name of what is open.
      const nameless = process.platform !== 'win32';
      if (nameless) await gone();
      for await (const chunk of plainBytes(path, signal)) writeAll(fd, chunk);
      return new FileBytes(fd, nameless ? undefined : folder);
    } catch (error) {
      if (fd !== undefined) closeSync(fd);
      await gone();
      throw error;
    }
  }

  /** Bytes [from, to), cut at the file's beginning and end. */
  readonly read = (from: number, to: number): Buffer => {
    const start = Math.max(0, from);
    const end = Math.min(this.size, Math.max(to, start));
    const { pageAt, page } = this;
    if (start >= pageAt && end <= pageAt + page.length)
      return page.subarray(start - pageAt, end - pageAt);
    const wanted = Buffer.alloc(Math.min(this.size - start, Math.max(PAGE, end - start)));
    let got = 0;
    while (got < wanted.length) {
      const n = readSync(this.fd, wanted, got, wanted.length - got, start + got);
      if (n === 0) break;
      got += n;
    }
    this.page = wanted.subarray(0, got);
    this.pageAt = start;
    return this.page.subarray(0, Math.min(got, end - start));
  };

  async close(): Promise<void> {
    closeSync(this.fd);
    if (this.folder !== undefined) await rm(this.folder, { recursive: true, force: true });
  }
}
