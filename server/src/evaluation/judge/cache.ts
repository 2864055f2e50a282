import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../files/folder.js';
import { writeWhole } from '../../files/write.js';
import type { AnswerCache } from './client.js';

/** A file an answer: what was paid for outlives a kill. @param cache the user's cache folder */
export function folderCache(cache: string): AnswerCache {
  const place = (key: string): { folder: string; path: string } => {
    const folder = join(cache, 'judge', key.slice(0, 2));
    return { folder, path: join(folder, `${key}.json`) };
  };
  return {
    async get(key) {
      try {
        const value = JSON.parse(await readFile(place(key).path, 'utf8')) as Awaited<ReturnType<AnswerCache['get']>>; // prettier-ignore
        return typeof value?.text === 'string' ? value : undefined;
      } catch {
        return undefined; // not there, or damaged: asked again
      }
    },
    async put(key, answer) {
      const { folder, path } = place(key);
      makeFolder(folder);
      await writeWhole(path, (write) => write(JSON.stringify(answer)));
    },
  };
}
