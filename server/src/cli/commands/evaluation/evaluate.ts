import { count } from '../../../protocol/index.js';
import {
  Evaluation,
  fixedWeights,
  readingsOf,
  resultOf,
  type RowSpec,
  type ScoredItem,
  type SuiteName,
} from '../../../evaluation/index.js';
import { renderEvaluation, type EvaluationFormat } from '../../../evaluation/report/index.js';
import { ItemsFile } from '../../../evaluation/report/items-file.js';
import { RewardBenchFiles } from '../../../evaluation/report/reward-bench.js';
import type { EvaluatorInfo } from '../../../engine/types.js';
import { DEFAULT_LAMBDA } from '../../../qrm/index.js';
import { complain, noneExists, open, type CommonOptions } from '../../common.js';
import { listModels } from '../../engine.js';
import { EXIT, UsageError } from '../../errors.js';
import { checkOutputs, expandFiles } from '../../files.js';
import { interrupted, onInterrupt } from '../../interrupt.js';
import { weights } from '../../options/values/shared.js';
import { checkJudge, judgeRow, type JudgeRowOptions } from './judge-row.js';
import { put } from '../../output/output.js';
import {
  evaluateEvents,
  evaluateLines,
  resampling,
  type EvaluateTold,
} from '../../output/evaluate-progress.js';
import { FileProgress } from '../../output/progress.js';
import { withSession, type Session } from '../../session.js';
import { tellProblems } from '../../output/problems.js';

export interface EvaluateCommandOptions
  extends Omit<CommonOptions, 'model' | 'lambda'>, JudgeRowOptions {
  model?: string[];
  allModels?: boolean;
  suite?: SuiteName;
  resamples: number;
  seed: number;
  format: EvaluationFormat;
  items?: string;
  rewardBench?: string;
  progress?: 'text' | 'json';
}

export async function evaluateCommand(paths: string[], o: EvaluateCommandOptions): Promise<number> {
  const files = await expandFiles(paths, complain, [o.out, o.items]);
  if (noneExists(files)) return EXIT.unreadable;
  checkJudge(o);
  if (o.endpoint !== undefined && ((o.model?.length ?? 0) > 1 || o.allModels === true))
    throw new UsageError(
      '--endpoint: its engines serve one model; give one --model, or name each address as a --model',
    );
  await checkOutputs([o.out, o.items], files);
  const { signal } = onInterrupt();
  if (o.progress === 'json' && o.out === undefined)
    throw new UsageError(
      '--progress json: expected --out FILE, for standard output has the progress',
    );
  const told = o.progress === 'json' ? evaluateEvents() : evaluateLines(o.quiet ?? false);
  const { say } = told;
  const models = await modelsOf(o);
  const evaluation = new Evaluation(
    files.map((path) => ({ path, open: () => open(path, common(o), signal, true) })),
  );
  const items = o.items === undefined ? undefined : await ItemsFile.open(o.items, files, signal);
  const bench = o.rewardBench === undefined ? undefined : new RewardBenchFiles(o.rewardBench);
  const names = new Set<string>();
  const onItem = async (scored: ScoredItem): Promise<void> => {
    await items?.add(scored);
    await bench?.add(scored);
  };
  try {
    for (const model of models) {
      const code = await withSession(
        common(o, model),
        (session) => runModel(evaluation, session, files, o, names, { onItem, told }),
        told,
      );
      if (code !== EXIT.ok) return code;
    }
    await judgeRow(evaluation, files, o, { signal, onItem, bar: told.bar });
    tellProblems(evaluation, files);
    for (const [n, why] of evaluation.unreadable) complain(`${files[n]}: ${why}`);
    if (evaluation.rebased > 0)
      say(`${count(evaluation.rebased)} rejected responses had another beginning: scored after that of chosen, as reward-bench does`); // prettier-ignore
    if (evaluation.board.length === 0 && evaluation.rated.length === 0) {
      complain('nothing to evaluate: no row is an item of a suite');
      return EXIT.unreadable;
    }
    const { step, end } = resampling(told);
    const result = await resultOf(evaluation, { replicates: o.resamples, seed: o.seed, signal, progress: step }); // prettier-ignore
    end();
    await items?.end();
    if (bench !== undefined) {
      for (const file of await bench.end(result)) say(`reward-bench: ${file}`);
    }
    await put(renderEvaluation(o.format, result), o.out, signal);
    told.done(o.out);
    return evaluation.unreadable.size > 0 || evaluation.problems.some(({ lost }) => lost)
      ? EXIT.unreadable
      : EXIT.ok;
  } catch (error) {
    if (!signal.aborted) throw error;
    return interrupted('What was scored is kept', say);
  } finally {
    await items?.close();
    await bench?.close();
  }
}

/** The options as commands of one model have them. */
function common({ model: _, ...o }: EvaluateCommandOptions, model?: string): CommonOptions {
  return { ...o, lambda: DEFAULT_LAMBDA, ...(model !== undefined && { model }) };
}

async function modelsOf(o: EvaluateCommandOptions): Promise<(string | undefined)[]> {
  if (o.allModels !== true) return o.model ?? [undefined];
  if (o.model !== undefined) throw new UsageError('--all-models and --model: give one of both');
  const usable = (await listModels()).filter(({ problem }) => problem === undefined);
  return usable.map(({ kind, name, path }) => (kind === 'embedded' ? name : path));
}

async function runModel(
  evaluation: Evaluation,
  { evaluator, store, signal }: Session,
  files: readonly string[],
  o: EvaluateCommandOptions,
  names: Set<string>,
  { onItem, told }: { onItem: NonNullable<Parameters<Evaluation['run']>[4]['onItem']>; told: EvaluateTold }, // prettier-ignore
): Promise<number> {
  const { info } = evaluator;
  const bar = new FileProgress(files, o, told.bar(info.modelName));
  const measure = { tau: o.tau, lambda: DEFAULT_LAMBDA, cvarLevel: o.cvarLevel };
  try {
    await evaluation.run(evaluator, store, rowsOf(info, o, names), readingsOf(info.spec, measure), {
      ...(o.suite && { suite: o.suite }),
      ...(o.limit !== undefined && { limit: o.limit }),
      signal,
      measure,
      onItem,
      onRow: (file, row, responses, fromStore) =>
        bar.row(file, row.place.end, responses, fromStore),
    });
  } finally {
    bar.end();
  }
  return EXIT.ok;
}

/** The rows of the paper's Table 1 that a model gives. */
function rowsOf(info: EvaluatorInfo, o: EvaluateCommandOptions, names: Set<string>): RowSpec[] {
  const { attributes, levels } = info.spec;
  let name = info.modelName;
  for (let n = 2; names.has(name); n++) name = `${info.modelName} (${n})`;
  names.add(name);
  const [one, several] = [levels.length === 1, attributes.length > 1];
  const kind = !one ? 'QRM, mean of the distribution' : several ? 'attributes with K = 1 (ArmoRM)' : 'Bradley-Terry'; // prettier-ignore
  const rows: RowSpec[] = [{ name, kind }];
  if (o.weights !== undefined)
    return [...rows, { name: `${name}, fixed weights`, kind: `fixed weights ${o.weights}`, weights: weights(o.weights, attributes) }]; // prettier-ignore
  if (!several) return rows;
  const fixed = fixedWeights(attributes);
  return [...rows, { name: `${name}, ${fixed.how}`, kind: `fixed: ${fixed.how}`, weights: fixed.weights }]; // prettier-ignore
}
