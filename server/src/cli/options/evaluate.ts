import { Option, type Command } from 'commander';
import { EVALUATION_FORMATS } from '../../evaluation/report/index.js';
import { DEFAULT_REPLICATES, SUITES } from '../../evaluation/index.js';
import { evaluateCommand, type EvaluateCommandOptions } from '../commands/evaluation/evaluate.js';
import { judgeOptions } from '../commands/evaluation/judge-row.js';
import { collect } from './values/once.js';
import {
  endpoints,
  engineOptions,
  inputOptions,
  number,
  tailOptions,
  weightList,
} from './values/shared.js';

/** `qrm evaluate`. */
export function addEvaluateCommand(
  program: Command,
  examples: (...lines: string[]) => string,
): void {
  const command = engineOptions(
    program
      .command('evaluate')
      .argument('<files...>', 'benchmarks or rated responses, or folders of them')
      .description(
        'how good models are, on public benchmarks or your own labels; run again to resume',
      )
      .optionsGroup('Models (several make one table, compared on the same items):')
      .option('--model <name>', 'as of audit; may be given again and again', collect(String))
      .option(
        '--endpoint <urls>',
        'engines that share the work, as of audit; one --model at most goes with it',
        endpoints,
      )
      .option('--all-models', 'every model at hand, as `qrm models` lists them'),
  ).option('--weights <list>', 'of the row with fixed weights: NAME=W,NAME=W', weightList);
  const data = judgeOptions(command)
    .optionsGroup('Data:')
    .addOption(
      new Option('--suite <name>', "scoring rule; default: told from each file's layout").choices(
        SUITES,
      ),
    );
  const figures = inputOptions(data, ['jsonl', 'json', 'csv', 'tsv', 'parquet'])
    .option('--no-store', 'neither read nor keep scores of other runs')
    .optionsGroup('Figures:');
  tailOptions(figures)
    .option(
      '--resamples <n>',
      'of the prompts, for intervals and tests',
      number('--resamples', 100, 1e5, true),
      DEFAULT_REPLICATES,
    )
    .option('--seed <n>', 'of the resampling', number('--seed', 0, 2 ** 32 - 1, true), 1)
    .optionsGroup('Output:')
    .addOption(new Option('--format <name>').choices(EVALUATION_FORMATS).default('text'))
    .option('--out <file>', 'write there instead of to standard output')
    .option('--items <file>', 'what each model made of each item, as JSON Lines with its id')
    .option(
      '--reward-bench <folder>',
      "reward-bench's own files: results/, eval-set/, eval-set-scores/",
    )
    .addOption(
      new Option('--progress <form>', 'text; json: events on standard output')
        .choices(['text', 'json'])
        .default('text'),
    ) // prettier-ignore
    .option('--quiet', 'nothing on standard error but errors')
    .addHelpText(
      'after',
      examples(
        'evaluate reward-bench.jsonl                 the embedded model',
        'evaluate rm-bench.json --model A --model B  two models, and whether they differ',
        'evaluate ratings.jsonl --format json        rated responses: pinball loss, coverage',
        'evaluate data/ --all-models --format html --out table.html',
      ),
    )
    .action(async (files: string[], o: EvaluateCommandOptions) => {
      process.exitCode = await evaluateCommand(files, o);
    });
}
