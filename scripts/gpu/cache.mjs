// What the checks of GPUs bring along: made once, whole or not at all, in the user's cache.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const CACHE = join(homedir(), '.cache', 'qrm-lens-gpu');

/** What a check needs and this machine cannot get; the message says how. */
export class Missing extends Error {}

/**
 * A folder of the cache, made where it is not there.
 * @param {string} name
 * @param {(draft: string) => void | Promise<void>} make fills an empty folder
 */
export async function once(name, make) {
  const folder = join(CACHE, name);
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  const draft = mkdtempSync(join(CACHE, 'draft-'));
  try {
    await make(draft);
    renameSync(draft, folder);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  }
  return folder;
}

/**
 * Runs a program to its end.
 * @param {string} help what to do where it is missing or fails
 * @throws Missing with the program's last words
 */
export function must(program, args, help, options = {}) {
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    ...options,
  });
  if (status === 0) return stdout;
  const words = error
    ? error.message
    : (stderr || stdout || '').trim().split('\n').slice(-3).join('\n');
  throw new Missing(`${[program, ...args].join(' ')}\n${words}\n${help}`);
}
