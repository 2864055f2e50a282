import { stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { dataFiles, identityOf, stemOf } from '../../datasets/index.js';

/** A file of data, or a folder of some, as a config names it. */
export interface NamedSource {
  readonly file: string;
  readonly name?: string;
}

/**
 * The files of a run under their names: of a folder, its data sets as `qrm audit` finds them.
 * @param made folders that the run itself writes: in a folder of data they are none
 * @param where for errors: the config
 */
export function sourceList(made: readonly string[], where: string) {
  /** By name, the folder of its file. */
  const taken = new Map<string, string>();
  /** The name, with the file's folder before it where a file of another folder has it. */
  const nameOf = (file: string, name: string): string => {
    const place = dirname(file);
    const names = taken.get(name) === place ? [] : [name, join(basename(place), name)];
    const free = names.find((n) => !taken.has(n));
    if (free === undefined)
      throw new Error(`${where}: two sources are called "${name}"; give one of them a "name"`);
    taken.set(free, place);
    return free;
  };
  const expand = async (file: string, name: string | undefined): Promise<[string, string][]> => {
    const found = await stat(file).catch(() => undefined);
    if (found?.isDirectory() !== true) {
      if (name === undefined) return [[file, nameOf(file, stemOf(basename(file)))]];
      if (taken.has(name))
        throw new Error(`${where}: two sources are called "${name}"; give one of them a "name"`);
      taken.set(name, dirname(file));
      return [[file, name]];
    }
    const out: [string, string][] = [];
    const seen = new Set(await Promise.all(made.map(identityOf)));
    for await (const path of dataFiles(file, seen)) {
      const own = join(name ?? '', dirname(relative(file, path)), stemOf(basename(path)));
      out.push([path, nameOf(path, own)]);
    }
    if (out.length === 0) throw new Error(`${where}: ${file}: no data set in this folder`);
    return out;
  };
  return {
    /** @param base folder that files are relative to */
    async add<T extends NamedSource>(
      base: string,
      entries: readonly (string | T)[],
    ): Promise<(T & { file: string; name: string })[]> {
      const out: (T & { file: string; name: string })[] = [];
      for (const entry of entries) {
        const source = typeof entry === 'string' ? ({ file: entry } as T) : entry;
        for (const [file, name] of await expand(resolve(base, source.file), source.name))
          out.push({ ...source, file, name });
      }
      return out;
    },
  };
}
