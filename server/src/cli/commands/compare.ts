import { count } from '../../protocol/index.js';
import { take } from '../../audit/index.js';
import {
  compareData,
  renderComparison,
  type ComparedFile,
  type ComparisonFormat,
  type LeakKind,
} from '../../cleaning/index.js';
import { existsSync } from 'node:fs';
import { complain, open, type InputOptions } from '../common.js';
import { EXIT } from '../errors.js';
import { checkOutputs, expandFiles } from '../files.js';
import { interrupted, onInterrupt } from '../interrupt.js';
import { put, sayer } from '../output/output.js';
import { FileProgress } from '../output/progress.js';

export interface CompareCommandOptions extends InputOptions {
  leaks?: boolean;
  nearDuplicate: number;
  failOn?: { readonly kind: LeakKind | 'any'; readonly least: number };
  limit?: number;
  format: ComparisonFormat;
  out?: string;
  quiet?: boolean;
}

export async function compareCommand(
  a: string,
  b: string,
  o: CompareCommandOptions,
): Promise<number> {
  const missing = [a, b].filter((path) => path !== '-' && !existsSync(path));
  for (const path of missing) complain(`${path}: no such file or folder`);
  if (missing.length > 0) return EXIT.unreadable;
  const sides = [await expandFiles([a], complain, [o.out]), await expandFiles([b], complain, [o.out])]; // prettier-ignore
  await checkOutputs([o.out], sides.flat());
  const { signal } = onInterrupt();
  const files: ComparedFile[] = sides.flatMap((paths, side) =>
    paths.map((path) => ({
      path,
      side: side as 0 | 1,
      open: () => take(open(path, o, signal), o.limit),
    })),
  );
  const read = new Set<number>();
  const problems = new Map<number, { n: number; first: string; unreadable: boolean }>();
  const bar = new FileProgress(
    files.map(({ path }) => path),
    o,
  );
  let comparison;
  let responses = 0;
  try {
    comparison = await compareData(files, {
      near: o.nearDuplicate,
      signal,
      onRow: (file, { place, conversations }) => {
        read.add(file);
        for (const { targets } of conversations) responses += targets.length;
        bar.row(file, place.end, responses, responses);
      },
      onProblem: (file, { code, message }) => {
        const known = problems.get(file) ?? { n: 0, first: message, unreadable: false };
        problems.set(file, { ...known, n: known.n + 1, unreadable: known.unreadable || code === 'unreadable' }); // prettier-ignore
      },
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    return interrupted();
  } finally {
    bar.clear();
  }
  const names = { a, b, files: files.map(({ path }) => path), near: o.nearDuplicate };
  const lines = renderComparison(o.format, comparison, names, o.leaks ?? false);
  const whole = await put(lines, o.out, signal);
  if (o.out !== undefined && whole) sayer(o.quiet)(`Report: ${o.out}`);
  let bad = read.size === 0;
  for (const [file, { n, first, unreadable }] of problems) {
    bad ||= unreadable || !read.has(file);
    complain(`${names.files[file]}: ${n === 1 ? first : `${count(n)} pieces could not be read, the first: ${first}`}`); // prettier-ignore
  }
  if (bad) return EXIT.unreadable;
  const { failOn } = o;
  const found = failOn && (failOn.kind === 'any' ? comparison.leaks.length : comparison.counts[failOn.kind]); // prettier-ignore
  return failOn !== undefined && found! >= failOn.least ? EXIT.findings : EXIT.ok;
}
