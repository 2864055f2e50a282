import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where scores are kept: `QRM_LENS_CACHE`, else `$XDG_CACHE_HOME/qrm-lens`, else what the platform
 * uses for caches (`~/.cache`, `~/Library/Caches`, `%LOCALAPPDATA%`).
 */
export function cacheFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (env['QRM_LENS_CACHE']) return env['QRM_LENS_CACHE'];
  if (env['XDG_CACHE_HOME']) return join(env['XDG_CACHE_HOME'], 'qrm-lens');
  if (platform === 'win32' && env['LOCALAPPDATA']) return join(env['LOCALAPPDATA'], 'qrm-lens');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'qrm-lens');
  return join(homedir(), '.cache', 'qrm-lens');
}
