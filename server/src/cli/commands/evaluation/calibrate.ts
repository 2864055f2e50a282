import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { IGNORE_FILE, parseIgnored, readIgnored } from '../../../audit/index.js';
import {
  ASSUMPTIONS,
  Evaluation,
  passportEntries,
  readingsOf,
  withFindingLabels,
  writePassport,
  type FindingLabel,
  type Passport,
} from '../../../evaluation/index.js';
import { readUserText } from '../../../files/user-text.js';
import { visible } from '../../../audit/report/index.js';
import { complain, noneExists, open, type CommonOptions } from '../../common.js';
import { passportCache } from '../../engine.js';
import { EXIT, UsageError } from '../../errors.js';
import { expandFiles, ignoreFiles } from '../../files.js';
import { onInterrupt } from '../../interrupt.js';
import { FileProgress } from '../../output/progress.js';
import { print } from '../../output/output.js';
import { withSession } from '../../session.js';
import { tellProblems } from '../../output/problems.js';

export interface CalibrateOptions extends CommonOptions {
  accepted?: string;
}

/** `qrm calibrate`. @param common adds the options of commands that score */
export function addCalibrateCommand(
  program: Command,
  common: (command: Command) => Command,
  examples: (...lines: string[]) => string,
): void {
  common(program.command('calibrate').argument('<files...>', 'responses with your labels'))
    .description(
      "what the model's quantiles and thresholds are worth on your own labels (200 or so): its calibration passport",
    )
    .option('--accepted <file>', `findings that were right, in the form of ${IGNORE_FILE}`)
    .addHelpText(
      'after',
      examples(
        'calibrate ratings.jsonl            rated responses, or true and false labels',
        'calibrate pairs.jsonl --accepted accepted.json   findings accepted and ignored',
        'audit pairs.jsonl --format html --out report.html   says what the threshold means',
      ),
    )
    .action(async (files: string[], o: CalibrateOptions) => {
      process.exitCode = await calibrateCommand(files, o);
    });
}

async function calibrateCommand(paths: string[], o: CalibrateOptions): Promise<number> {
  if (o.weights !== undefined)
    throw new UsageError('calibrate: a passport is of the model as it is, without --weights');
  const files = await expandFiles(paths, complain);
  if (noneExists(files)) return EXIT.unreadable;
  const cache = await passportCache();
  if (cache === undefined) throw new UsageError('no cache folder to keep a passport in');
  const { signal } = onInterrupt();
  const labelOf = findingLabels(files, o.accepted);
  return withSession(o, async ({ evaluator, store, say }) => {
    const { info } = evaluator;
    const opened = (path: string) => () => {
      const events = open(path, o, signal, true);
      return labelOf === undefined ? events : withFindingLabels(events, labelOf);
    };
    const evaluation = new Evaluation(files.map((path) => ({ path, open: opened(path) })));
    const measure = { tau: o.tau, lambda: o.lambda, cvarLevel: o.cvarLevel };
    const bar = new FileProgress(files, o);
    try {
      const row = { name: info.modelName, kind: 'model' };
      await evaluation.run(evaluator, store, [row], readingsOf(info.spec, measure), {
        suite: 'rated',
        ...(o.limit !== undefined && { limit: o.limit }),
        signal,
        measure,
        onRow: (file, { place }, responses, fromStore) =>
          bar.row(file, place.end, responses, fromStore),
      });
    } finally {
      bar.end();
    }
    tellProblems(evaluation, files);
    const scores = evaluation.ratedBy[0]?.scores;
    const datasetOf = (response: number) => basename(files[evaluation.rated.file[response]!] ?? '');
    const entries = scores ? passportEntries(evaluation, scores, datasetOf, complain) : [];
    if (entries.length === 0) {
      complain('nothing to calibrate by: no attribute has labels enough');
      return EXIT.unreadable;
    }
    const passport: Passport = {
      version: 1,
      modelHash: info.modelHash,
      modelName: info.modelName,
      tau: o.tau,
      made: new Date().toISOString().slice(0, 10),
      assumptions: ASSUMPTIONS,
      entries,
    };
    const path = await writePassport(cache, passport);
    for (const line of passportTable(passport)) await print(`${line}\n`);
    say(`Passport: ${path}`);
    return EXIT.ok;
  });
}

/** Ignored findings beside the data are of responses that are fine; accepted ones of bad ones. */
function findingLabels(
  files: readonly string[],
  accepted: string | undefined,
): FindingLabel | undefined {
  const lists = ignoreFiles(files).filter((path) => existsSync(path));
  if (accepted === undefined && lists.length === 0) return undefined;
  const ignored = readIgnored(lists);
  const bad = new Set(
    accepted === undefined
      ? []
      : parseIgnored(accepted, readUserText(accepted)).map((entry) => entry.split(':')[0]),
  );
  return (hash) => (bad.has(hash) ? 'bad' : ignored(hash, 'low-left-tail') ? 'fine' : undefined);
}

function* passportTable({ entries, modelName, assumptions }: Passport): Generator<string> {
  yield `Calibration passport of ${visible(modelName)}`;
  for (const e of entries) {
    const q = (x: number): string => `${(100 * x).toFixed(1)} %`;
    yield '';
    yield visible(`${e.attribute} in ${e.dataset} (by the ${e.predictedBy}): ${e.responses} responses, ${e.prompts} prompts`); // prettier-ignore
    yield `  labels inside q05 to q95: ${q(e.checked.raw)} as the model is, ${q(e.checked.calibrated)} after calibration on the other half (wanted 90.0 %, ${e.checked.labels} labels)`;
    yield `  the interval that holds 90 %: ${e.interval90 === null ? 'not to be had from so few' : `q05 to q95, ${e.interval90 >= 0 ? 'wider' : 'narrower'} by ${Math.abs(e.interval90).toFixed(3)} on both sides`}`;
    yield `  bad responses: ${e.tails.bad.length} of ${e.tails.bad.length + e.tails.good.length}`;
  }
  yield '';
  yield assumptions;
}
