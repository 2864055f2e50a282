import { Option, type Command } from 'commander';
import {
  folderCache,
  Judge,
  JUDGE_MODES,
  JudgeClient,
  judgePrompt,
  runJudge,
  type JudgeMode,
} from '../../../evaluation/judge/index.js';
import type { Evaluation } from '../../../evaluation/index.js';
import { DEFAULT_LAMBDA, DEFAULT_TAU } from '../../../qrm/index.js';
import { passportCache } from '../../engine.js';
import { UsageError } from '../../errors.js';
import { number } from '../../options/values/shared.js';
import type { EvaluateTold } from '../../output/evaluate-progress.js';
import { FileProgress } from '../../output/progress.js';

/** A row of the table by LLM-as-a-judge. */
export interface JudgeRowOptions {
  judge?: string;
  judgeModel?: string;
  judgeMode: JudgeMode;
  judgePrompt?: string;
  judgeConcurrency: number;
  judgeMaxTokens: number;
  limit?: number;
  quiet?: boolean;
}

export function judgeOptions(command: Command): Command {
  return command
    .optionsGroup('LLM-as-a-judge (a further row; its key is in OPENAI_API_KEY):')
    .option('--judge <url>', 'an OpenAI-compatible API, such as http://127.0.0.1:8000/v1')
    .option('--judge-model <name>', 'which model of it')
    .addOption(
      new Option('--judge-mode <name>', 'two answers in both orders, or a mark for each')
        .choices(JUDGE_MODES)
        .default('pairwise'),
    )
    .option('--judge-prompt <file>', 'a template with {question}, {answer_a}, {answer_b} (or {answer}), after a rubric and a line ---') // prettier-ignore
    .option('--judge-concurrency <n>', 'questions under way', number('--judge-concurrency', 1, 1000, true), 8) // prettier-ignore
    .option('--judge-max-tokens <n>', 'of an answer', number('--judge-max-tokens', 1, 1e6, true), 2048); // prettier-ignore
}

/** Says what is wrong with the options before any model is loaded. @throws UsageError */
export function checkJudge({ judge, judgeModel }: JudgeRowOptions): void {
  if (judge === undefined) {
    if (judgeModel !== undefined) throw new UsageError('--judge-model goes with --judge URL');
    return;
  }
  if (!URL.canParse(judge) || !/^https?:$/.test(new URL(judge).protocol))
    throw new UsageError(`--judge ${judge}: expected an address such as http://127.0.0.1:8000/v1`);
  if (judgeModel === undefined)
    throw new UsageError('--judge: expected --judge-model NAME with it');
}

/** Adds the judge's row. Answers are kept as they come, so that a run that was killed pays for none twice. */
export async function judgeRow(
  evaluation: Evaluation,
  files: readonly string[],
  o: JudgeRowOptions,
  { bar: barOf, ...run }: { signal: AbortSignal; onItem: NonNullable<Parameters<typeof runJudge>[3]['onItem']>; bar: EvaluateTold['bar'] }, // prettier-ignore
): Promise<void> {
  const { judge: url, judgeModel: model } = o;
  if (url === undefined || model === undefined) return;
  const cache = await passportCache();
  const apiKey = process.env['OPENAI_API_KEY'];
  const { signal } = run;
  const client = new JudgeClient(
    { url, model, maxTokens: o.judgeMaxTokens, temperature: 0, signal, ...(apiKey !== undefined && { apiKey }) }, // prettier-ignore
    cache === undefined ? undefined : folderCache(cache),
  );
  const judge = new Judge(client, await judgePrompt(o.judgeMode, o.judgePrompt));
  const bar = new FileProgress(files, o, barOf(model));
  try {
    await runJudge(evaluation, judge, `${model} (${o.judgeMode})`, {
      ...run,
      ...(o.limit !== undefined && { limit: o.limit }),
      measure: { tau: DEFAULT_TAU, lambda: DEFAULT_LAMBDA },
      concurrency: o.judgeConcurrency,
      onRow: (file, { place }, items) => bar.row(file, place.end, items, 0),
    });
  } finally {
    bar.end();
  }
}
