import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder and those above it. Node's own recursive mkdir never ends where the system denies that
 * a parent exists (`/proc/x/y`): here each folder is tried once.
 * @throws Error naming the folder that cannot be made
 */
export function makeFolder(path: string): void {
  const missing: string[] = [];
  let at = resolve(path);
  for (; !isFolder(at); at = dirname(at)) missing.push(at);
  for (const folder of missing.reverse()) {
    try {
      mkdirSync(folder);
    } catch (error) {
      if (!isFolder(folder)) throw error; // else another process was quicker
    }
  }
}

/** @throws Error when something else stands in the way, or it cannot be looked at */
function isFolder(path: string): boolean {
  // (`throwIfNoEntry: false` also covers what stands below a file.)
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined && dirname(path) !== path) return false;
  if (found?.isDirectory() !== true) throw noFolder(path);
  return true;
}

const noFolder = (path: string): Error =>
  Object.assign(new Error(`${path} is no folder`), { code: 'ENOTDIR' });
