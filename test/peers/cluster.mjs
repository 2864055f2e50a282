// npm run peers -- cluster: `qrm score --ray` on three local nodes with kills, against one machine (PyPI: ray[data]).
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('../../', import.meta.url));
const home = process.env['QRM_PEERS'] ?? join(homedir(), '.cache', 'qrm-lens-peers');
const venv = join(home, 'ray');
const python = process.env['QRM_RAY_PYTHON'] ?? join(venv, 'bin', 'python');
if (!existsSync(python)) {
  mkdirSync(home, { recursive: true });
  execFileSync('python3', ['-m', 'venv', venv], { stdio: 'inherit' });
  const wanted = join(root, 'scale', 'requirements.txt');
  execFileSync(python, ['-m', 'pip', 'install', '-q', '-r', wanted], { stdio: 'inherit' });
}
const rows = Number(process.argv[2] ?? 20_000);
const work = mkdtempSync(join(tmpdir(), 'qrm-cluster-'));
const data = join(work, 'pairs.jsonl');
// Pairs of hh-harmless, each text with the row's number, so that no two are alike.
const pairs = gunzipSync(readFileSync(join(root, 'examples', 'hh-harmless.jsonl.gz')))
  .toString()
  .split('\n')
  .filter((line) => line !== '' && line.length < 700)
  .map((line) => JSON.parse(line));
const lines = Array.from({ length: rows }, (_, n) => {
  const { chosen, rejected } = pairs[n % pairs.length];
  return JSON.stringify({ chosen: `${chosen} ${n}`, rejected: `${rejected} ${n}` });
});
writeFileSync(data, lines.join('\n'));
const model = join(root, 'test', 'fixtures', 'golden', 'llama3-qrm-k5-m3');
const args = [join(root, 'dist', 'cli.js'), model, data, work, ...process.argv.slice(3)];
const { status } = spawnSync(python, [join(root, 'test', 'peers', 'cluster.py'), ...args], {
  stdio: 'inherit',
});
if (status === 0) rmSync(work, { recursive: true });
else console.error(`files: ${work}`);
process.exit(status ?? 1);
