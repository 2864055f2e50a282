import { Option, type Command } from 'commander';
import { COMPARISON_FORMATS, LEAKS } from '../../cleaning/index.js';
import { NEAR_PERCENT } from '../../audit/index.js';
import { compareCommand, type CompareCommandOptions } from '../commands/compare.js';
import { UsageError } from '../errors.js';
import { inputOptions, number } from './values/shared.js';

/** `shared-prompt`, `near-duplicate:10`, `any`. */
function leakLimit(text: string): NonNullable<CompareCommandOptions['failOn']> {
  const [name = '', least] = text.split(':');
  const kind = [...LEAKS, 'any' as const].find((k) => k === name);
  if (kind === undefined)
    throw new UsageError(`--fail-on ${name}: expected one of ${[...LEAKS, 'any'].join(', ')}`);
  return { kind, least: least === undefined ? 1 : number('--fail-on', 1, 1e9, true)(least) };
}

/** `qrm compare`. */
export function addCompareCommand(
  program: Command,
  examples: (...lines: string[]) => string,
): void {
  const compare = program
    .command('compare')
    .argument('<a>', 'a dataset or a folder of them: what was trained on')
    .argument('<b>', 'another: what is tested with')
    .description('what two datasets share: train/test leakage, labels that contradict; no model')
    .option('--leaks', 'list each row of the second that shares something with the first')
    .option(
      '--near-duplicate <n>',
      'so many per cent of shingles (three words) are nearly the same; 0 looks for none',
      number('--near-duplicate', 0, 100, true),
      NEAR_PERCENT,
    )
    .option(
      '--fail-on <what>',
      `exit 1 on ${[...LEAKS, 'any'].join(', ')}, or KIND:n for n rows or more`,
      leakLimit,
    )
    .optionsGroup('Input:');
  inputOptions(compare)
    .optionsGroup('Output:')
    .addOption(new Option('--format <name>').choices([...COMPARISON_FORMATS]).default('text'))
    .option('--out <file>', 'write there instead of to standard output')
    .option('--quiet', 'nothing on standard error but errors')
    .addHelpText(
      'after',
      examples(
        'compare train.jsonl test.jsonl --leaks',
        'compare train/ test/ --fail-on any               a gate before training',
        'compare train.parquet test.csv --leaks --format csv --out leaks.csv',
      ),
    )
    .action(async (a: string, b: string, o: CompareCommandOptions) => {
      process.exitCode = await compareCommand(a, b, o);
    });
}
