import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/**
 * Where scores and converted models are kept: `QRM_LENS_CACHE`, else `$XDG_CACHE_HOME/qrm-lens` (an
 * absolute path: its specification has others ignored), else what the platform uses for caches
 * (`~/.cache`, `~/Library/Caches`, `%LOCALAPPDATA%`).
 * @throws Error when the user has no home; `QRM_LENS_CACHE` then helps
 */
export function cacheFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (env['QRM_LENS_CACHE']) return env['QRM_LENS_CACHE'];
  const xdg = env['XDG_CACHE_HOME'] ?? '';
  if (isAbsolute(xdg)) return join(xdg, 'qrm-lens');
  if (platform === 'win32' && env['LOCALAPPDATA']) return join(env['LOCALAPPDATA'], 'qrm-lens');
  const home = homeFolder();
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'qrm-lens');
  return join(home, '.cache', 'qrm-lens');
}

/** @throws Error where there is none: no HOME and no entry in the system's list of users, or a relative one */
function homeFolder(): string {
  let home = '';
  try {
    home = homedir();
  } catch {
    // No HOME and no such user.
  }
  if (isAbsolute(home)) return home;
  throw new Error('no home folder for the cache; QRM_LENS_CACHE can name a folder');
}
