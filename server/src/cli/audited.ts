import { auditDataset, type Audit, type AuditOptions, type AuditSource } from '../audit/index.js';
import type { CommonOptions } from './common.js';
import { FileProgress } from './output/progress.js';

type Given = Omit<AuditOptions, 'tau' | 'lambda' | 'cvarLevel' | 'limit'>;

/** The audit of all sources by the options that commands share, with its progress on standard error. */
export async function audited(
  sources: readonly AuditSource[],
  o: CommonOptions,
  given: Given,
  quiet = o.quiet ?? false,
): Promise<Audit> {
  const { tau, lambda, cvarLevel, limit } = o;
  const { audit, progress } = auditDataset(sources, { ...given, tau, lambda, cvarLevel, limit });
  const files = sources.map(({ path }) => path);
  const bar = new FileProgress(files, { limit, quiet });
  try {
    for await (const p of progress) bar.row(p.file, p.end, p.responses, p.fromStore, p.rows);
  } finally {
    bar.end();
  }
  return audit;
}
