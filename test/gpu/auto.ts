import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { DoctorReport } from '../../server/src/engine/doctor.js';
import type { Provider } from '../../server/src/protocol/index.js';
import { goldenFolder } from '../unit/model/golden.js';

const ROW = {
  prompt: [{ role: 'user', content: 'Is water wet?' }],
  chosen: [{ role: 'assistant', content: 'It makes other things wet.' }],
  rejected: [{ role: 'assistant', content: 'No idea.' }],
};

/** What an environment of a provider is expected to come to: whether its numbers are right. */
export type Expected = 'right' | 'wrong';

/**
 * `qrm doctor` and `qrm score --device auto` as a user runs them where a provider computes on the processor: the CPU is
 * taken and it is said why.
 * @returns how much is not so
 */
export function checkAuto(provider: Provider, expected: Expected): number {
  const cli = join(dirname(process.argv[1]!), 'cli.js');
  const cache = mkdtempSync(join(tmpdir(), 'qrm-auto-'));
  const qrm = (...args: string[]) =>
    spawnSync(process.execPath, [cli, ...args], {
      encoding: 'utf8',
      env: { ...process.env, QRM_LENS_CACHE: cache },
    });
  try {
    console.log('  qrm doctor');
    const told = qrm('doctor').stdout;
    console.log(told.replaceAll(/^(?=.)/gm, '    '));
    const report = JSON.parse(qrm('doctor', '--known', '--json').stdout) as DoctorReport;
    const of = report.providers.find(({ name }) => name === provider);
    const reason = of?.reason ?? 'not listed';
    const why =
      expected === 'right' ? /^it runs, at [\d.e-]+ times the CPU/ : /^it computes wrong numbers/;
    const file = join(cache, 'row.jsonl');
    writeFileSync(file, `${JSON.stringify(ROW)}\n`);
    const args = ['--model', goldenFolder('llama3-qrm-k5-m3'), '--device', 'auto', '--no-store'];
    const scored = qrm('score', file, ...args, '--out', join(cache, 'scores.jsonl'));
    console.log('  qrm score --device auto');
    console.log(scored.stderr.trim().replaceAll(/^(?=.)/gm, '    '));
    const [used] = report.providers.filter(({ chosen }) => chosen);
    const held: readonly [string, boolean][] = [
      ['doctor takes the CPU', used?.name === 'cpu'],
      [`doctor says why not ${provider}`, why.test(reason)],
      [
        'doctor says that the driver computes on the processor',
        of?.adapters.some(({ driver }) => driver === 'computes on the processor') ?? false,
      ],
      ['score ends well', scored.status === 0],
      ['score says why it runs on the CPU', scored.stderr.includes(reason)],
    ];
    for (const [what, holds] of held) console.log(`  ${holds ? 'holds' : 'WRONG'}  ${what}`);
    return held.filter(([, holds]) => !holds).length;
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}
