import { join } from 'node:path';
import { RULES, type Audit } from '../../audit/index.js';
import { visible } from '../../audit/report/index.js';
import {
  cleanFile,
  decide,
  MANIFEST,
  parseSplit,
  partOfRow,
  undo,
  VERDICTS,
  unscoredAudit,
  whyNotCleaned,
  type CleanOptions,
  type FilePlan,
  type FileToClean,
  type Manifest,
  type ManifestFile,
  type Part,
  type Ruling,
} from '../../cleaning/index.js';
import { detectFormat } from '../../datasets/process/index.js';
import type { DatasetFormat } from '../../datasets/index.js';
import { messageOf } from '../../errors.js';
import { makeFolder } from '../../files/folder.js';
import { systemReason } from '../../files/reasons.js';
import { writeLines } from '../../files/write.js';
import { outputNames, type CleanCommandOptions } from '../options/values/clean.js';
import { audited } from '../audited.js';
import { complain, noneExists, open } from '../common.js';
import { EXIT, UsageError } from '../errors.js';
import { expandFiles } from '../files.js';
import { onInterrupt } from '../interrupt.js';
import { thresholds, weightsGiven } from '../options/values/shared.js';
import { Progress } from '../output/progress.js';
import { withSession, type Session } from '../session.js';
import { showChanges, summary } from '../output/clean.js';
import { hearJury } from '../jury.js';
import type { JuryOptions } from '../options/values/jury.js';
import type { EvaluatorInfo } from '../../engine/types.js';
import { sayer } from '../output/output.js';

/** Codes that no score is needed for. */
const UNSCORED: ReadonlySet<string> = new Set([
  'malformed-row',
  ...RULES.flatMap(({ code, ofTexts }) => (ofTexts ? [code] : [])),
]);

export async function cleanCommand(
  paths: string[],
  o: CleanCommandOptions,
  version: string,
): Promise<number> {
  if (o.undo !== undefined) return undoCommand(o.undo, o);
  if (paths.length === 0)
    throw new UsageError('qrm clean: expected the files to clean, or --undo with a manifest');
  const asked = o.drop ?? o.swap ?? o.keepTop ?? o.split;
  if (asked === undefined && !o.dropDuplicates && !o.dedupeContradictions && !o.annotate)
    throw new UsageError('qrm clean: expected what to do: --drop, --swap, --drop-duplicates, --dedupe-contradictions, --keep-top, --annotate or --split'); // prettier-ignore
  if (o.out === undefined && !o.dryRun)
    throw new UsageError(
      'qrm clean: expected a folder for the cleaned files with --out (or --dry-run)',
    );
  let parts: Part[] | undefined;
  try {
    parts = o.split === undefined ? undefined : parseSplit(o.split);
  } catch (error) {
    throw new UsageError(`--split: ${messageOf(error)}`);
  }
  const files = await expandFiles(paths, complain);
  if (noneExists(files)) return EXIT.unreadable;
  const found: { path: string; format: DatasetFormat }[] = [];
  for (const path of files) {
    try {
      const format = await detectFormat({ path }, undefined, o.mapping);
      const used = format && o.inputFormat ? { ...format, container: o.inputFormat } : format;
      const why = used === undefined ? 'no data set that is known' : whyNotCleaned(used);
      if (used === undefined || why !== undefined) complain(`${path}: ${why}`);
      else found.push({ path, format: used });
    } catch (error) {
      complain(`${path}: ${messageOf(error)}`);
    }
  }
  if (found.length === 0) return EXIT.unreadable;
  const names = outputNames(
    found.map((f) => f.path),
    o.out,
    parts,
  ); // refuses before hours of work
  if (!o.dryRun) outFolder(o.out!);
  const run = { found, names, parts, bad: files.length - found.length };
  const scores = o.swap !== undefined || o.dedupeContradictions === true || o.keepTop !== undefined || o.annotate === true || [...(o.drop ?? [])].some((code) => !UNSCORED.has(code)); // prettier-ignore
  if (scores && o.jury !== undefined) return judged(run, o, o.jury, version);
  if (scores) return withSession(o, (session) => scored(run, o, version, session));
  const { signal } = onInterrupt();
  const share = new Progress(true);
  const audit = await unscoredAudit(sourcesOf(run, o), thresholds(o), () =>
    share.step(undefined, 0, 0),
  );
  return finish(run, audit, o, version, signal);
}

/** @throws Error naming the folder that cannot be made */
function outFolder(path: string): void {
  try {
    makeFolder(path);
  } catch (error) {
    throw new Error(`--out ${path}: ${systemReason(error)}`, { cause: error });
  }
}

interface Run {
  readonly found: readonly { path: string; format: DatasetFormat }[];
  readonly names: readonly ((part: string | undefined) => string)[];
  readonly parts: readonly Part[] | undefined;
  readonly bad: number;
}

const sourcesOf = ({ found }: Run, o: CleanCommandOptions) =>
  found.map(({ path }) => ({ path, open: () => open(path, o) }));

async function scored(
  run: Run,
  o: CleanCommandOptions,
  version: string,
  session: Session,
): Promise<number> {
  const { evaluator, store, signal } = session;
  const audit = await audited(sourcesOf(run, o), o, {
    evaluator,
    store,
    signal,
    weights: weightsGiven(o, evaluator.info.spec),
    thresholds: thresholds(o),
  });
  return finish(run, audit, o, version, signal, { info: evaluator.info });
}

async function judged(
  run: Run,
  o: CleanCommandOptions,
  jury: JuryOptions,
  version: string,
): Promise<number> {
  const hearing = {
    sources: sourcesOf(run, o),
    thresholds: thresholds(o),
    ...(o.keepTop && { top: { by: o.keepTop.by } }),
  };
  const heard = await hearJury(hearing, o, jury);
  if (typeof heard === 'number') return heard;
  const { signal } = onInterrupt();
  return finish(run, heard.audit, o, version, signal, heard);
}

async function finish(
  run: Run,
  audit: Audit,
  o: CleanCommandOptions,
  version: string,
  signal: AbortSignal,
  by: { readonly info?: EvaluatorInfo; readonly ruling?: Ruling } = {},
): Promise<number> {
  for (const [n, why] of audit.unreadable) complain(`${run.found[n]?.path}: ${why}`);
  const options: CleanOptions = o;
  const { info, ruling } = by;
  const plans = decide(audit, options, ruling);
  if (run.parts !== undefined) await split(run, plans, o);
  const files: FileToClean[] = run.found.map(({ path, format }, n) => ({
    path,
    format,
    plan: plans[n] as FilePlan,
    events: () => open(path, o, signal),
  }));
  const good = files
    .map((file, n) => ({ file, names: run.names[n]! }))
    .filter((_, n) => !audit.unreadable.has(n));
  const bad = run.bad + files.length - good.length;
  const tell = sayer(o.quiet);
  const say = (line: string) => tell(visible(line));
  if (o.dryRun) {
    for (const { file, names } of good) await showChanges(file, names, run.parts, say, signal);
    return bad > 0 ? EXIT.unreadable : EXIT.ok;
  }
  const folder = o.out!;
  const done: ManifestFile[] = [];
  for (const { file, names } of good) {
    const made = await cleanFile(file, folder, names, run.parts, signal);
    done.push(made);
    say(summary(made, made.outputs.map((out) => join(folder, out.name)).join(', ')));
    for (const { row, why } of made.unchanged.slice(0, 5))
      say(`  row ${row + 1} stays as it is: ${why}`);
    if (made.unchanged.length > 5) say(`  and ${made.unchanged.length - 5} more rows`);
  }
  const paths = run.found.map((f) => f.path);
  if (ruling !== undefined) await writeLines(ruling.lines(paths), join(folder, VERDICTS), signal);
  const manifest: Manifest = {
    program: 'qrm clean',
    version: 1,
    qrm: version,
    created: new Date().toISOString(),
    command: process.argv.slice(2),
    model: {
      name: info?.modelName ?? 'none',
      hash: info?.modelHash ?? '',
      precision: info?.precision ?? '',
    },
    ...(ruling && { jury: { ...ruling.summary(), verdicts: VERDICTS } }),
    thresholds: thresholds(o),
    files: done,
  };
  const path = join(folder, MANIFEST);
  await writeLines([JSON.stringify(manifest, undefined, 1)], path);
  say(`Manifest: ${path} (qrm clean --undo ${path} takes it back)`);
  return bad > 0 ? EXIT.unreadable : EXIT.ok;
}

/** Each row's part is told by its prompt, in a reading of its own. */
async function split(
  { found, parts }: Run,
  plans: FilePlan[],
  o: CleanCommandOptions,
): Promise<void> {
  for (const [n, { path }] of found.entries()) {
    const part = new Map<number, number>();
    for await (const event of open(path, o))
      if (event.type === 'row') part.set(event.row.index, partOfRow(event.row, parts!));
    // What is no row goes to the first part.
    plans[n] = { ...(plans[n] as FilePlan), partOf: (row) => part.get(row) ?? 0 };
  }
}

async function undoCommand(manifest: string, o: CleanCommandOptions): Promise<number> {
  if (o.out !== undefined) outFolder(o.out);
  for (const { path, from } of await undo(manifest, o.out)) {
    const how = { edits: 'from the cleaned file and the manifest', copy: 'from the copy beside the manifest', original: 'from where it was' }; // prettier-ignore
    if (!o.quiet) process.stderr.write(`${visible(`${path}: the original again, ${how[from]}`)}\n`);
  }
  return EXIT.ok;
}
