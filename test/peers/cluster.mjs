// node test/peers/cluster.mjs [ROWS]: `qrm score --ray` on three local nodes with kills, against one machine (PyPI: ray[data]).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { numberedPairs, rayPython, root } from './pairs.mjs';

const python = rayPython();
const rows = Number(process.argv[2] ?? 20_000);
const work = mkdtempSync(join(tmpdir(), 'qrm-cluster-'));
const data = join(work, 'pairs.jsonl');
writeFileSync(data, numberedPairs(rows));
const model = join(root, 'test', 'fixtures', 'golden', 'llama3-qrm-k5-m3');
const args = [join(root, 'dist', 'cli.js'), model, data, work, ...process.argv.slice(3)];
const { status } = spawnSync(python, [join(root, 'test', 'peers', 'cluster.py'), ...args], {
  stdio: 'inherit',
});
if (status === 0) rmSync(work, { recursive: true });
else console.error(`files: ${work}`);
process.exit(status ?? 1);
