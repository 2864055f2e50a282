import { count } from '../../protocol/index.js';
import { visible } from '../../audit/report/index.js';
import {
  FileBytes,
  textEdits,
  unifiedDiff,
  writingOf,
  type FileToClean,
  type ManifestFile,
  type Part,
} from '../../cleaning/index.js';
import { isClosedPipe, print } from './output.js';

/** What would change of a file: a unified diff (of Parquet its rows) on standard output, and counts. */
export async function showChanges(
  { path, format, plan, events }: FileToClean,
  names: (part: string | undefined) => string,
  parts: readonly Part[] | undefined,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const tell = (lines: readonly string[]) =>
    print(lines.map((line) => `${visible(line)}\n`).join(''));
  const of = (action: string) => [...plan.changes].filter(([, c]) => c.action === action);
  try {
    if (format.container === 'parquet') {
      await tell([`--- ${path}`, `+++ ${names(undefined)}`]);
      for (const [row, { action, reasons }] of [...plan.changes].sort(([a], [b]) => a - b))
        await tell([`${action === 'remove' ? '-' : '!'}row ${row + 1}: ${reasons.join('; ')}`]);
    } else {
      const bytes = await FileBytes.open(path, format.compression !== 'none', signal);
      try {
        const writing = writingOf(format.container, bytes);
        for (const [n, part] of (parts ?? [undefined]).entries()) {
          const { edits, unchanged } = await textEdits(
            events(),
            writing,
            plan,
            bytes.read,
            bytes.size,
            part && n,
          );
          // Raw, so that `patch` takes it; a terminal is spared escape sequences.
          const shown = process.stdout.isTTY ? visible : (line: string) => line;
          for (const line of unifiedDiff(edits, path, names(part?.name), bytes.read, bytes.size))
            await print(`${shown(line)}\n`);
          for (const { row, why } of unchanged.slice(0, 5))
            say(`${path}: row ${row + 1} stays as it is: ${why}`);
        }
      } finally {
        await bytes.close();
      }
    }
  } catch (error) {
    if (!isClosedPipe(error)) throw error;
  }
  const changes = [...plan.changes].map(([row, change]) => ({ row, ...change }));
  say(
    summary(
      { source: path, removed: of('remove').length, swapped: of('swap').length, changes },
      'nothing written: --dry-run',
    ),
  );
}

/** `pairs.jsonl: 3 rows removed (2 low-left-tail, 1 duplicate), 1 pair swapped: out/pairs.jsonl` */
export function summary(
  {
    source,
    removed,
    swapped,
    changes,
  }: Pick<ManifestFile, 'source' | 'removed' | 'swapped' | 'changes'>,
  out: string,
): string {
  const why = new Map<string, number>();
  for (const { action, reasons } of changes)
    if (action === 'remove')
      for (const code of new Set(reasons.map((r) => r.split(':')[0]!)))
        why.set(code, (why.get(code) ?? 0) + 1);
  const reasons = [...why].map(([code, n]) => `${count(n)} ${code}`).join(', ');
  const rows = `${count(removed)} ${removed === 1 ? 'row' : 'rows'} removed${reasons && ` (${reasons})`}`;
  return `${source}: ${rows}, ${count(swapped)} ${swapped === 1 ? 'pair' : 'pairs'} swapped: ${out}`;
}
