import { closeSync, openSync, readSync, fstatSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainBytes } from '../../datasets/index.js';

/** Bytes that are read at once. */
const PAGE = 1 << 18;

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
    try {
      const plain = join(folder, 'plain');
      const file = await open(plain, 'wx');
      try {
        for await (const chunk of plainBytes(path, signal)) await file.writeFile(chunk);
      } finally {
        await file.close();
      }
      return new FileBytes(openSync(plain, 'r'), folder);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
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
