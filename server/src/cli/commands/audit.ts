import { count } from '../../protocol/index.js';
import { readIgnored, SEVERITIES, type Audit, type FindingCode } from '../../audit/index.js';
import {
  makeReport,
  parquetReport,
  ranks,
  render,
  visible,
  type Report,
  type ReportFormat,
} from '../../audit/report/index.js';
import type { DatasetEvent } from '../../datasets/types.js';
import type { EvaluatorInfo } from '../../engine/types.js';
import { passportWords, readPassport } from '../../evaluation/index.js';
import { messageOf } from '../../errors.js';
import type { KeptScores } from '../../session/score-service.js';
import { Shards } from '../../session/shards.js';
import { audited } from '../audited.js';
import { complain, noneExists, open, openKnown, type CommonOptions } from '../common.js';
import { passportCache } from '../engine.js';
import { EXIT, UsageError } from '../errors.js';
import { checkOutputs, expandFiles, ignoreFiles } from '../files.js';
import { interrupted, onInterrupt } from '../interrupt.js';
import { hearJury } from '../jury.js';
import type { JuryOptions } from '../options/values/jury.js';
import { type FailOn, thresholds, weightsGiven } from '../options/values/shared.js';
import { put, sayer, terminal, written } from '../output/output.js';
import { withSession, type Session } from '../session.js';

export interface AuditCommandOptions extends CommonOptions {
  format: ReportFormat;
  top: number;
  select?: ReadonlySet<FindingCode>;
  ignore?: ReadonlySet<FindingCode>;
  failOn?: FailOn;
  sarifResults?: number;
  /** A folder of shards that a cluster wrote. */
  scores?: string;
  /** Who judges, where several do. */
  jury?: JuryOptions;
}

type Events = AsyncIterable<DatasetEvent>;

/** What an audit is made with: a model and the store, or what is there already. */
type Scoring = Pick<Session, 'evaluator' | 'signal' | 'say'> & {
  readonly store: KeptScores | undefined;
  /** The events of a file, with its scores at hand. */
  readonly alongside?: (path: string, events: Events) => Events;
};

export async function auditCommand(paths: string[], o: AuditCommandOptions, version: string) {
  if (o.format === 'parquet' && o.out === undefined)
    throw new UsageError('--format parquet: no text for a terminal; name a file with --out');
  const shards = o.scores === undefined ? undefined : openShards(o.scores, o);
  const named = paths.length === 0 ? (shards?.files ?? []) : paths;
  const files = await expandFiles(named, complain, [o.out]);
  if (noneExists(files)) return EXIT.unreadable;
  await checkOutputs([o.out], files);
  if (shards !== undefined) return auditShards(shards, files, o, version);
  if (o.jury !== undefined) return auditByJury(files, o, o.jury, version);
  return withSession(o, (session) => audit(files, o, version, session));
}

function openShards(folder: string, o: AuditCommandOptions): Shards {
  for (const [flag, given] of [
    ['--model', o.model],
    ['--endpoint', o.endpoint],
    ['jury', o.jury],
  ] as const) {
    if (given !== undefined) throw new UsageError(`--scores: no ${flag}; the scores are there already`); // prettier-ignore
  }
  return Shards.open(folder, complain);
}

async function auditShards(
  shards: Shards,
  files: readonly string[],
  o: AuditCommandOptions,
  version: string,
): Promise<number> {
  const { signal } = onInterrupt();
  const say = sayer(o.quiet);
  const { evaluator, store } = shards;
  say(`Scores of ${evaluator.info.modelName}: ${o.scores}`);
  // Once a file: its second reading is for texts, which need no scores.
  const begun = new Set<string>();
  const alongside = (path: string, events: Events): Events => {
    if (begun.has(path)) return events;
    begun.add(path);
    return shards.alongside(path, events);
  };
  try {
    return await audit(files, o, version, { evaluator, store, signal, say, alongside });
  } catch (error) {
    if (!signal.aborted) throw error;
    return interrupted(undefined, say);
  }
}

async function audit(
  files: readonly string[],
  o: AuditCommandOptions,
  version: string,
  { evaluator, store, signal, say, alongside }: Scoring,
): Promise<number> {
  const audit = await audited(
    // The second reading, for the texts, is not cut short by the signal of the first.
    files.map((path) =>
      alongside === undefined
        ? { path, open: () => open(path, o), openKnown: (ask) => openKnown(path, o, ask) }
        : { path, open: () => alongside(path, open(path, o)) },
    ),
    o,
    {
      evaluator,
      store,
      signal,
      ...chosen(files, o),
      weights: weightsGiven(o, evaluator.info.spec),
      thresholds: thresholds(o),
    },
  );
  return report(files, audit, evaluator.info, o, version, { signal, say });
}

/** Which findings are wanted. */
const chosen = (files: readonly string[], o: AuditCommandOptions) => ({
  ignored: readIgnored(ignoreFiles(files)),
  wanted: (code: FindingCode) => (o.select?.has(code) ?? true) && !o.ignore?.has(code),
});

async function auditByJury(
  files: readonly string[],
  o: AuditCommandOptions,
  jury: JuryOptions,
  version: string,
): Promise<number> {
  const sources = files.map((path) => ({ path, open: () => open(path, o) }));
  const heard = await hearJury(
    { sources, thresholds: thresholds(o), ...chosen(files, o) },
    o,
    jury,
  );
  if (typeof heard === 'number') return heard;
  const { audit, ruling, info } = heard;
  const { signal } = onInterrupt();
  const say = sayer(o.quiet);
  const agreed: Audit = { ...audit, findings: () => ruling.findings() };
  const names = ruling.judges.map((judge) => judge.name).join(', ');
  const told = { ...info, modelName: `jury of ${ruling.judges.length}: ${names}` };
  return report(files, agreed, told, o, version, { signal, say, ...ruling.words() });
}

interface Told {
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  readonly notes?: readonly string[];
  readonly judgedOtherwise?: ReadonlyMap<string, string>;
}

async function report(
  files: readonly string[],
  audit: Audit,
  info: EvaluatorInfo,
  o: AuditCommandOptions,
  version: string,
  { signal, say, ...words }: Told,
): Promise<number> {
  const report = await makeReport(audit, info, {
    top: ranks(o.format) ? o.top : 0,
    cvarLevel: o.cvarLevel,
    limit: o.limit,
    version,
    weighted: o.weights !== undefined,
    ...words,
    calibrated: await calibration(info.modelHash, o),
  });
  const whole = await (o.format === 'parquet'
    ? written(parquetReport(audit, info, o.out ?? '', { signal }))
    : put(render(o.format, report, terminal(o.out), { results: o.sarifResults }), o.out, signal));
  if (o.out !== undefined && whole) say(`Report: ${o.out}`);
  if (audit.moreProblems > 0) {
    const [all, listed] = [report.summary.problems, audit.problems.length];
    say(`${count(all)} pieces could not be read; the report lists ${count(listed)} of them`);
  }
  for (const [n, why] of audit.unreadable) {
    process.stderr.write(`qrm: ${visible(`${files[n]}: ${why}`)}\n`);
  }
  for (const [n, why] of audit.fruitless) {
    if (audit.unreadable.has(n)) continue;
    process.stderr.write(`qrm: ${visible(`${files[n]}: no row could be read: ${why}`)}\n`);
  }
  const nothing = audit.table.length === 0 && (o.limit ?? 1) > 0;
  if (nothing) process.stderr.write('qrm: nothing could be read\n');
  if (nothing || audit.unreadable.size + audit.fruitless.size > 0) return EXIT.unreadable;
  return o.failOn && fails(o.failOn, report.summary) ? EXIT.findings : EXIT.ok;
}

/** What the model's passport says of a threshold, where it was calibrated by readings like these. */
async function calibration(
  modelHash: string,
  o: CommonOptions,
): Promise<((threshold: number) => string[]) | undefined> {
  const cache = await passportCache();
  if (cache === undefined || o.weights !== undefined) return undefined;
  try {
    const passport = await readPassport(cache, modelHash);
    if (passport?.tau !== o.tau) return undefined;
    return (threshold) => (Number.isNaN(threshold) ? [] : passportWords(passport, threshold));
  } catch (error) {
    complain(messageOf(error));
    return undefined;
  }
}

/** By all findings, also those that are counted and not listed. */
function fails({ counts, least }: FailOn, { codes }: Report['summary']): boolean {
  let found = 0;
  for (const { code, bySeverity } of codes) {
    for (const severity of SEVERITIES)
      if (counts({ code, severity })) found += bySeverity[severity];
  }
  return found >= least;
}
