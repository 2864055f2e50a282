import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { applyEdits, modify } from 'jsonc-parser/lib/esm/main.js';
import { IGNORE_FILE, ignoresNothing, parseIgnored, type Ignored } from '../audit/index.js';
import { decodeUserText, readUserText } from '../files/user-text.js';
import { writeWhole } from '../files/write.js';
import { messageOf } from '../errors.js';

/** The ignored findings of files: `.qrm-ignore.json` beside a file and in its workspace's root. */
export class IgnoreStore {
  private readonly cache = new Map<string, ReadonlySet<string>>();
  roots: readonly string[] = [];

  constructor(private readonly warn: (message: string) => void) {}

  private places(path: string): string[] {
    const folders = [dirname(path), ...this.roots.filter((r) => path.startsWith(join(r, sep)))];
    return [...new Set(folders)].map((folder) => join(folder, IGNORE_FILE));
  }

  private entries(file: string): ReadonlySet<string> {
    let known = this.cache.get(file);
    if (known === undefined) {
      try {
        known = new Set(existsSync(file) ? parseIgnored(file, readUserText(file)) : []);
      } catch (error) {
        this.warn(messageOf(error));
        known = new Set();
      }
      this.cache.set(file, known);
    }
    return known;
  }

  of(path: string): Ignored {
    const sets = this.places(path).flatMap((file) => {
      const entries = this.entries(file);
      return entries.size > 0 ? [entries] : [];
    });
    if (sets.length === 0) return ignoresNothing;
    return (hash, code) => sets.some((s) => s.has(hash) || s.has(`${hash}:${code}`));
  }

  /** The files changed on disk. */
  forget(): void {
    this.cache.clear();
  }

  /** The ignore file that a finding of `path` is written into. */
  fileFor(path: string): string {
    const places = this.places(path);
    return places.find((p) => existsSync(p)) ?? (places.at(-1) as string);
  }

  /**
   * Adds a finding to the ignore file beside `path`, or to the one of the workspace where only that
   * exists; all else in the file stays as it is.
   * @throws Error naming the file when it cannot be read or written
   */
  async add(path: string, hash: string, code: string): Promise<string> {
    const file = this.fileFor(path);
    const old = existsSync(file)
      ? decodeUserText(await readFile(file))
      : '{"version": 1, "ignored": []}\n';
    parseIgnored(file, old);
    const formattingOptions = { insertSpaces: true, tabSize: 2 };
    const edits = modify(
      old,
      ['ignored', -1],
      { hash, code },
      {
        formattingOptions,
        isArrayInsertion: true,
      },
    );
    await writeWhole(file, (write) => write(applyEdits(old, edits)));
    this.cache.delete(file);
    return file;
  }
}
