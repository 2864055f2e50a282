// Short pairs of hh-harmless as JSON Lines, each text with its row's number, so that no two are alike.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

export const root = fileURLToPath(new URL('../../', import.meta.url));
export const home = process.env['QRM_PEERS'] ?? join(homedir(), '.cache', 'qrm-lens-peers');

/** @returns so many lines as one text */
export function numberedPairs(rows) {
  const pairs = gunzipSync(readFileSync(join(root, 'examples', 'hh-harmless.jsonl.gz')))
    .toString()
    .split('\n')
    .filter((line) => line !== '' && line.length < 700)
    .map((line) => JSON.parse(line));
  const lines = Array.from({ length: rows }, (_, n) => {
    const { chosen, rejected } = pairs[n % pairs.length];
    return JSON.stringify({ chosen: `${chosen} ${n}`, rejected: `${rejected} ${n}` });
  });
  return lines.join('\n');
}

/** A Python with Ray: the one that QRM_RAY_PYTHON names, or one of the peers' own. */
export function rayPython() {
  const venv = join(home, 'ray');
  const python = process.env['QRM_RAY_PYTHON'] ?? join(venv, 'bin', 'python');
  if (!existsSync(python)) {
    mkdirSync(home, { recursive: true });
    execFileSync('python3', ['-m', 'venv', venv], { stdio: 'inherit' });
    const wanted = join(root, 'scale', 'requirements.txt');
    execFileSync(python, ['-m', 'pip', 'install', '-q', '-r', wanted], { stdio: 'inherit' });
  }
  return python;
}
