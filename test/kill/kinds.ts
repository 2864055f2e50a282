import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clean } from './clean.js';
import { COMMANDS } from './commands.js';
import type { Prepare } from './kind.js';
import { killed, sleep } from './processes.js';
import { server } from './server.js';

export const KINDS: Readonly<Record<string, Prepare>> = { ...COMMANDS, clean, server };

export interface Tally {
  readonly kind: string;
  runs: number;
  /** Kills of the process and of its evaluator that met one running. */
  processes: number;
  evaluators: number;
  readonly failures: string[];
}

/**
 * @param n runs, each killed at a random moment: two in three the process itself, else its evaluator; in turn at
 * any moment and after the model is loaded
 * @param told of each run
 */
export async function kill(
  kind: string,
  n: number,
  told: (tally: Tally) => void = () => undefined,
): Promise<Tally> {
  const tally: Tally = { kind, runs: 0, processes: 0, evaluators: 0, failures: [] };
  const prepare = KINDS[kind];
  if (prepare === undefined) throw new Error(`${kind}: expected one of ${Object.keys(KINDS).join(', ')}`); // prettier-ignore
  let folder = mkdtempSync(join(tmpdir(), `qrm-kill-${kind}-`));
  try {
    let ready = await prepare(folder);
    let span = 0;
    for (let i = 0; i < n; i++) {
      const began = Date.now();
      try {
        // How long a run takes depends on what else the machine does: the last whole one says.
        if (i === 0) {
          await ready.check();
          span = Date.now() - began;
        }
        const victim = await ready.start();
        const evaluator = i % 3 === 2 && victim.evaluators !== undefined;
        const late = evaluator || i % 2 === 1;
        if (late) await victim.loaded?.();
        const end =
          Date.now() + Math.random() * (ready.span?.() ?? span) * (late && victim.loaded ? 0.3 : 1);
        while (!victim.over() && Date.now() < end) await sleep(1);
        let met = false;
        if (victim.pid !== undefined && !victim.over()) {
          met = killed(evaluator ? victim.evaluators?.()[0] : victim.pid);
          if (met && evaluator) tally.evaluators++;
          else if (met) tally.processes++;
        }
        await victim.gone(evaluator || (!met && kind === 'together'));
        const again = Date.now();
        await ready.check();
        if (kind !== 'together') span = Date.now() - again;
      } catch (error) {
        const kept = `${folder}-failed-${i}`;
        cpSync(folder, kept, { recursive: true });
        tally.failures.push(`run ${i} (files in ${kept}): ${String(error)}`);
        rmSync(folder, { recursive: true, force: true });
        folder = mkdtempSync(join(tmpdir(), `qrm-kill-${kind}-`));
        ready = await prepare(folder);
      }
      tally.runs++;
      told(tally);
    }
    await ready.end?.();
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
  return tally;
}
