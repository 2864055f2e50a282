import { count } from '../../protocol/index.js';
import type { AuditSource } from '../../audit/index.js';
import { visible } from '../../audit/report/index.js';
import { writeLines } from '../../files/write.js';
import { DEFAULT_TAU } from '../../qrm/index.js';
import {
  chosenLines,
  gather,
  pairLines,
  weightLines,
  type GatherProgress,
  type SampleTexts,
} from '../../policy/gather/index.js';
import {
  BetaSolver,
  checkObjective,
  defaultBudget,
  lambdaGrid,
  objectiveName,
  objectiveScores,
  parseObjective,
  parseObjectives,
  previewing,
  tiltedWeights,
  type Objective,
} from '../../policy/index.js';
import { render, type PolicyFormat } from '../../policy/report/index.js';
import { type CommonOptions, complain, noneExists, open } from '../common.js';
import { EXIT, UsageError } from '../errors.js';
import { checkOutputs, expandFiles } from '../files.js';
import { weightsGiven } from '../options/values/shared.js';
import { put, terminal } from '../output/output.js';
import { FileProgress } from '../output/progress.js';
import { withSession, type Session } from '../session.js';
import { SHOWN_PROBLEMS } from '../output/problems.js';
import { stepped } from '../../pace.js';

export interface PolicyCommandOptions extends CommonOptions {
  format: PolicyFormat;
  objectives?: string;
  kl?: number;
  betas?: number[];
  lambdas?: number[];
  threshold?: number;
  seed?: number;
  by?: string;
  write?: string;
  writePairs?: string;
  writeWeights?: string;
  /** The user gave --lambda: else the objectives take one that fits the rewards. */
  lambdaGiven: boolean;
}

/** A mistake in a list costs no model. */
function objectivesOf(text: string | undefined): Objective[] | undefined {
  try {
    return text === undefined ? undefined : parseObjectives(text);
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}

export async function policyCommand(paths: string[], o: PolicyCommandOptions, version: string) {
  const given = objectivesOf(o.objectives);
  const by = o.by === undefined ? undefined : objectivesOf(o.by)?.[0];
  const outs = [o.out, o.write, o.writePairs, o.writeWeights];
  const files = await expandFiles(paths, complain, outs);
  if (noneExists(files)) return EXIT.unreadable;
  await checkOutputs(outs, files);
  return withSession(o, (session) => policy(files, o, given, by, version, session));
}

async function policy(
  files: readonly string[],
  o: PolicyCommandOptions,
  given: readonly Objective[] | undefined,
  by: Objective | undefined,
  version: string,
  session: Session,
): Promise<number> {
  const { evaluator, signal, say } = session;
  const { spec, modelName } = evaluator.info;
  for (const objective of [...(given ?? []), ...(by ? [by] : [])]) {
    try {
      checkObjective(objective, spec.attributes);
    } catch (error) {
      throw error instanceof RangeError ? new UsageError(error.message) : error;
    }
  }
  // Log-probabilities stand beside the texts: rows come with what else their records hold.
  const sources = files.map((path) => ({ path, open: () => open(path, o, undefined, true) }));
  const { pool, fruitless } = await gathered(sources, files, o, session);
  for (const [n, why] of fruitless)
    process.stderr.write(`qrm: ${visible(`${files[n]}: ${why}`)}\n`);
  const { samples, leftOut } = pool;
  if (samples.offsets.length < 2) {
    process.stderr.write(
      'qrm: no prompt has two scored responses; expected several completions of each prompt, or pairs\n',
    );
    return EXIT.unreadable;
  }
  const lambda = o.lambdaGiven ? o.lambda : usualLambda(lambdaGrid(samples));
  const objectives = given ?? usual(spec.levels.length, lambda, o.cvarLevel);
  const preview = await stepped(
    previewing(samples, {
      objectives,
      cvarLevel: o.cvarLevel,
      ...(o.kl !== undefined && { budget: o.kl }),
      ...(o.betas && { betas: o.betas }),
      ...(o.lambdas && { lambdas: o.lambdas }),
      ...(o.threshold !== undefined && { threshold: o.threshold }),
      ...(o.seed !== undefined && { seed: o.seed }),
    }),
    signal,
  );
  const report = { preview, leftOut, files, model: modelName, levels: spec.levels.length, version };
  const whole = await put(render(o.format, report, terminal(o.out)), o.out, signal);
  if (o.out !== undefined && whole) say(`Report: ${o.out}`);
  const wanted = by ?? objectives.find(({ kind }) => kind !== 'mean') ?? parseObjective('mean');
  await write({ sources, pool, limit: o.limit }, wanted, o, session);
  return fruitless.size > 0 ? EXIT.unreadable : EXIT.ok;
}

async function gathered(
  sources: readonly AuditSource[],
  files: readonly string[],
  o: PolicyCommandOptions,
  { evaluator, store, signal, say }: Session,
) {
  const bar = new FileProgress(files, o);
  let problems = 0;
  const steps = gather(sources, {
    evaluator,
    store,
    signal,
    limit: o.limit,
    weights: weightsGiven(o, evaluator.info.spec),
    onProblem: (file, { place, code, message }) => {
      const at = `${files[file]}:${place.line + 1}:${place.column + 1}`;
      // The rest is counted: a file of another format has one on every line.
      if (++problems <= SHOWN_PROBLEMS)
        process.stderr.write(`${visible(`${at} ${message} (${code})`)}\n`);
    },
  });
  try {
    for (;;) {
      const next = await steps.next();
      if (next.done === true) return next.value;
      const p: GatherProgress = next.value;
      bar.row(p.file, p.end, p.responses, p.fromStore);
    }
  } finally {
    bar.end();
    const rest = problems - SHOWN_PROBLEMS;
    if (rest > 0) say(`${count(rest)} more pieces could not be read`);
  }
}

/** Where risk is felt and the mean still counts: about 1.5 / (the rewards' spread). */
const usualLambda = (grid: readonly number[]): number => grid[Math.floor(grid.length * 0.45)] ?? 1;

function usual(levels: number, lambda: number, cvarLevel: number): Objective[] {
  if (levels === 1) return [];
  return [
    { kind: 'ce', lambda },
    { kind: 'quantile', tau: DEFAULT_TAU },
    { kind: 'cvar', level: cvarLevel },
    { kind: 'utility', lambda },
  ];
}

async function write(
  texts: SampleTexts,
  objective: Objective,
  o: PolicyCommandOptions,
  { signal, say }: Session,
): Promise<void> {
  const { samples } = texts.pool;
  const scores = objectiveScores(samples, objective);
  const name = objectiveName(objective);
  const wanted = { objective: name, scores };
  if (o.write !== undefined) {
    await writeLines(chosenLines(texts, wanted), o.write, signal);
    say(`Best of n by ${name}: ${o.write}`);
  }
  if (o.writePairs !== undefined) {
    await writeLines(pairLines(texts, wanted), o.writePairs, signal);
    say(`Best against worst by ${name}: ${o.writePairs}`);
  }
  if (o.writeWeights !== undefined) {
    const kl = o.kl ?? defaultBudget(samples);
    const beta = new BetaSolver(samples, scores).beta(kl);
    if (beta === undefined)
      throw new Error(`--write-weights: no beta has a KL of ${kl} nats by ${name}: its scores tie`);
    const weights = tiltedWeights(samples, scores, beta);
    await writeLines(weightLines(texts, { ...wanted, weights, beta }), o.writeWeights, signal);
    say(`Weights by ${name} at ${kl} nats: ${o.writeWeights}`);
  }
}
