import { lstatSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, parse, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IGNORE_FILE } from '../audit/index.js';
import { UsageError } from '../errors.js';
import { systemReason } from '../files/reasons.js';

/** A file that a call may read. */
export interface AllowedFile {
  /** Links followed. */
  readonly path: string;
  /** As the call named it, from the root. */
  readonly shown: string;
}

/** Which files calls may name: those in the allowed folders, wherever a link may lead. */
export class Folders {
  private asked: Promise<readonly string[]> | undefined;

  /**
   * @param given by the user; they alone hold where there are any
   * @param ask the client for its roots, as URIs; undefined where it has none
   */
  constructor(
    private readonly given: readonly string[],
    private readonly ask: () => Promise<readonly string[] | undefined>,
  ) {}

  /** The client has other roots now. */
  forget(): void {
    this.asked = undefined;
  }

  /** The allowed folders, links followed. @throws UsageError where there is none */
  list(): Promise<readonly string[]> {
    this.asked ??= this.find().catch((error: unknown) => {
      this.asked = undefined;
      throw error;
    });
    return this.asked;
  }

  private async find(): Promise<readonly string[]> {
    if (this.given.length > 0) return Promise.all(this.given.map(folderOf));
    const roots = (await this.ask())?.flatMap((uri) =>
      uri.startsWith('file:') ? [fileURLToPath(uri)] : [],
    );
    if (roots !== undefined && roots.length > 0) {
      const there = await Promise.all(roots.map((path) => folderOf(path).catch(() => undefined)));
      const known = there.filter((path) => path !== undefined);
      if (known.length > 0) return known;
    }
    const here = await folderOf('.');
    // A client that starts its servers just anywhere means no folder by it.
    if (here === parse(here).root || here === (await folderOf(homedir()).catch(() => '')))
      throw new UsageError(
        `no folder is allowed: the server runs in ${here}; name folders of data with qrm mcp --root DIR`,
      );
    return [here];
  }

  /** @throws UsageError naming the path: outside, not there, no regular file */
  async file(name: string): Promise<AllowedFile> {
    const roots = await this.list();
    const path = await this.place(name, roots);
    const outside = () =>
      new UsageError(
        `${name}: outside of the allowed folders (${roots.join(', ')}); qrm mcp --root DIR allows another`,
      );
    // Of what lies outside nothing is told, not even whether it is there.
    if (!within(path, roots) && !within(await realOrSame(path), roots)) throw outside();
    let real: string;
    try {
      real = await realpath(path);
      if (!within(real, roots)) throw outside();
      const found = await stat(real);
      if (found.isDirectory()) throw new UsageError(`${name}: is a folder; expected a file`);
      if (!found.isFile()) throw new UsageError(`${name}: is no regular file`);
    } catch (error) {
      if (error instanceof UsageError) throw error;
      throw new UsageError(`${name}: ${systemReason(error)}`);
    }
    this.checkIgnoreFiles(real, roots);
    return { path: real, shown: name };
  }

  /** A path as it is named, or from the first root in which there is such a file. */
  private async place(name: string, roots: readonly string[]): Promise<string> {
    const text = name.startsWith('file:') ? fileURLToPath(name) : name;
    if (isAbsolute(text)) return resolve(text);
    const tried = roots.map((root) => resolve(root, text));
    for (const path of tried) {
      if (within(path, roots) && (await stat(path).catch(() => undefined)) !== undefined)
        return path;
    }
    return tried[0] ?? resolve(text);
  }

  /** Ignore files are read and written as well: none may lead out. @throws UsageError */
  private checkIgnoreFiles(path: string, roots: readonly string[]): void {
    for (const folder of new Set([dirname(path), ...roots])) {
      const file = join(folder, IGNORE_FILE);
      if (lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true)
        throw new UsageError(`${file}: is a link; expected a file of its own`);
    }
  }
}

const within = (path: string, roots: readonly string[]): boolean =>
  roots.some((root) => path === root || path.startsWith(root.endsWith(sep) ? root : root + sep));

/** With the links of its folder followed: the file itself may be missing. */
async function realOrSame(path: string): Promise<string> {
  return realpath(path).catch(async () => {
    const folder = await realpath(dirname(path)).catch(() => dirname(path));
    return join(folder, parse(path).base);
  });
}

async function folderOf(path: string): Promise<string> {
  try {
    const real = await realpath(path);
    if ((await stat(real)).isDirectory()) return real;
  } catch (error) {
    throw new UsageError(`--root ${path}: ${systemReason(error)}`);
  }
  throw new UsageError(`--root ${path}: is no folder`);
}
