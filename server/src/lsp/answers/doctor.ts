import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { messageOf } from '../../errors.js';
import { byteSize, type DeviceFinding, type StatusParams } from '../../protocol/index.js';
import type { ScoreStore } from '../../store/index.js';

/** @throws Error in plain words */
async function runDoctor(args: readonly string[]): Promise<string> {
  const cli = fileURLToPath(new URL('./cli.js', import.meta.url));
  if (!existsSync(cli)) throw new Error(`${cli} is missing`);
  const run = promisify(execFile)(process.execPath, [cli, 'doctor', ...args], { timeout: 300_000 });
  return run.then(
    ({ stdout }) => stdout,
    (error: Error & { stderr?: string }) => {
      throw new Error(`qrm doctor failed: ${error.stderr ?? error.message}`);
    },
  );
}

/** What was found of each execution provider; looked at anew only where nothing was, or drivers changed. */
export async function deviceFindings(): Promise<DeviceFinding[]> {
  const { providers } = JSON.parse(await runDoctor(['--json', '--known'])) as {
    providers: readonly DeviceFinding[];
  };
  return providers.map(({ name, available, chosen, reason }) => ({
    name,
    available,
    chosen,
    reason,
  }));
}

/**
 * `qrm doctor` in a process of its own: it loads native libraries that the server never needs, and a
 * driver that crashes must not take the server with it.
 */
export async function doctorReport(
  status: StatusParams,
  stats: ReturnType<ScoreStore['stats']> | undefined,
): Promise<string> {
  const report = await runDoctor([]).catch((error: unknown) => messageOf(error));
  const { model } = status;
  const lines = [
    '# QRM Lens doctor',
    '',
    `- Server: Node ${process.versions.node}, process ${process.pid}, ${byteSize(process.memoryUsage.rss())}`,
    `- Model: ${model === undefined ? `not loaded${status.message === undefined ? '' : ` (${status.message})`}` : `${model.name}, ${model.executionProvider}, ${model.precision}, context of ${model.maxTokens} tokens, ${model.attributes.length} attributes × ${model.levels.length} levels`}`,
    `- Score store: ${stats === undefined ? 'not open' : `${stats.entries} scores, ${byteSize(stats.bytes)}, ${stats.path}`}`,
    '',
    '```',
    report.trimEnd(),
    '```',
    '',
  ];
  return lines.join('\n');
}
