// node test/peers/layouts.mjs [COUNT] [SEED]: random tiny checkpoints of every layout, made and run by transformers
// (test/fixtures/golden/make_random.py; PyPI: torch, transformers), against ours: ids, hidden states, labels.
// `--made FOLDER` compares a folder that was made before.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/bundle.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const golden = join(root, 'test', 'fixtures', 'golden');
const work = mkdtempSync(join(tmpdir(), 'qrm-layouts-'));
const args = process.argv.slice(2);
let made = args[0] === '--made' ? args[1] : undefined;
if (made === undefined) {
  const home = process.env['QRM_PEERS'] ?? join(homedir(), '.cache', 'qrm-lens-peers');
  const venv = join(home, 'transformers');
  const python = process.env['QRM_TRANSFORMERS_PYTHON'] ?? join(venv, 'bin', 'python');
  if (!existsSync(python)) {
    mkdirSync(home, { recursive: true });
    execFileSync('python3', ['-m', 'venv', venv], { stdio: 'inherit' });
    const wanted = join(golden, 'requirements.txt');
    execFileSync(python, ['-m', 'pip', 'install', '-q', '-r', wanted], { stdio: 'inherit' });
  }
  made = join(work, 'made');
  mkdirSync(made);
  const [count = '42', seed = '1'] = args;
  const script = join(golden, 'make_random.py');
  execFileSync(python, [script, made, count, seed], { stdio: ['ignore', 'ignore', 'inherit'] });
}
const compare = join(root, 'out', 'layouts.mjs');
await bundle(join(root, 'test', 'peers', 'layouts.ts'), compare);
const { status } = spawnSync(process.execPath, [compare, made], { stdio: 'inherit' });
if (status === 0) rmSync(work, { recursive: true });
else console.error(`checkpoints: ${made}`);
process.exit(status ?? 1);
