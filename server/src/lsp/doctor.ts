import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { StatusParams } from '../protocol/index.js';
import type { ScoreStore } from '../store/index.js';

/**
 * `qrm doctor` in a process of its own: it loads native libraries that the server never needs, and a
 * driver that crashes must not take the server with it.
 */
export async function doctorReport(
  status: StatusParams,
  stats: ReturnType<ScoreStore['stats']> | undefined,
): Promise<string> {
  const cli = fileURLToPath(new URL('./cli.js', import.meta.url));
  const report = existsSync(cli)
    ? await promisify(execFile)(process.execPath, [cli, 'doctor'], { timeout: 180_000 }).then(
        ({ stdout }) => stdout,
        (error: Error & { stderr?: string }) =>
          `qrm doctor failed: ${error.stderr ?? error.message}`,
      )
    : `${cli} is missing`;
  const { model } = status;
  const lines = [
    '# QRM Lens doctor',
    '',
    `- Server: Node ${process.versions.node}, process ${process.pid}, ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB`,
    `- Model: ${model === undefined ? `not loaded${status.message === undefined ? '' : ` (${status.message})`}` : `${model.name}, ${model.executionProvider}, ${model.precision}, context of ${model.maxTokens} tokens, ${model.attributes.length} attributes × ${model.levels.length} levels`}`,
    `- Score store: ${stats === undefined ? 'not open' : `${stats.entries} scores, ${(stats.bytes / 1e6).toFixed(1)} MB, ${stats.path}`}`,
    '',
    '```',
    report.trimEnd(),
    '```',
    '',
  ];
  return lines.join('\n');
}
