import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { EvaluationResult } from '../../../server/src/protocol/index.js';

/** Results kept; the oldest are deleted. */
const KEPT = 20;

/** The last result of each set of files, in a folder of the extension: what a view shows again after a reload. */
export class KeptResults {
  constructor(private readonly folder: string) {}

  /** Where the result of these files is, or will be. */
  async path(uris: readonly string[]): Promise<string> {
    await mkdir(this.folder, { recursive: true });
    await this.tidy();
    return this.pathOf(uris);
  }

  /** The result, whose unknown numbers are null; undefined where there is none that can be read. */
  async read(uris: readonly string[]): Promise<EvaluationResult | undefined> {
    try {
      const value = JSON.parse(await readFile(this.pathOf(uris), 'utf8')) as EvaluationResult;
      return Array.isArray(value.suites) && Array.isArray(value.files) ? value : undefined;
    } catch {
      return undefined;
    }
  }

  private pathOf(uris: readonly string[]): string {
    const name = createHash('sha256').update(uris.join('\n')).digest('hex').slice(0, 32);
    return join(this.folder, `${name}.json`);
  }

  private async tidy(): Promise<void> {
    const paths = (await readdir(this.folder)).map((name) => join(this.folder, name));
    const dated = await Promise.all(
      paths.map(async (path) => ({ path, time: (await stat(path)).mtimeMs })),
    );
    dated.sort((a, b) => b.time - a.time);
    for (const { path } of dated.slice(KEPT - 1)) await rm(path, { force: true });
  }
}
