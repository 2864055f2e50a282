import type { Command } from 'commander';
import { cleanCommand } from '../commands/clean.js';
import { keepTopOption, swapOption, type CleanCommandOptions } from './values/clean.js';
import { seated, type GivenJudges } from './values/jury.js';
import { codes, thresholdOptions } from './values/shared.js';

type Examples = (...lines: string[]) => string;

export function addCleanCommand(
  common: (command: Command) => Command,
  program: Command,
  examples: Examples,
  version: string,
): void {
  thresholdOptions(
    common(program.command('clean').argument('[files...]', 'datasets, or folders of them'))
      .description('write cleaned data sets: every row that stays is the same, byte for byte')
      .optionsGroup('What becomes of rows:')
      .option('--drop <codes>', 'remove rows with these findings', codes('--drop'))
      .option(
        '--swap <what>',
        'turn pairs: inverted-pair, or inverted-pair:P up to that probability',
        swapOption,
      )
      .option('--drop-duplicates', 'of rows with the same responses the first stays')
      .option(
        '--dedupe-contradictions',
        'of pairs with opposite labels the majority stays, once; else the likelier one',
      )
      .option(
        '--keep-top <share>',
        'the best rows stay: 80%, 80%:margin or 80%:tail',
        keepTopOption,
      )
      .option(
        '--annotate',
        'add expectation, q05, cvar, spread, p_chosen, findings and quantiles to each row',
      )
      .option('--split <parts>', 'by prompt: train/test, or train=80/valid=10/test=10')
      .optionsGroup('How:')
      .option('--dry-run', 'show the changes as a unified diff, and write nothing')
      .option('--undo <manifest>', 'write the originals again')
      .optionsGroup('Findings (a threshold is a figure, or a share of the dataset such as 5%):'),
  )
    .addHelpText(
      'after',
      examples(
        'clean pairs.jsonl --drop low-left-tail,duplicate-response --swap inverted-pair:0.1 --dry-run',
        'clean pairs.jsonl --drop-duplicates --keep-top 80% --out cleaned/',
        'clean pairs.jsonl --model A --model B --model C --quorum 2 --swap inverted-pair:0.1 --out cleaned/',
        'clean --undo cleaned/qrm-clean.json',
      ),
    )
    .action(async (files: string[], given: GivenJudges<CleanCommandOptions>) => {
      process.exitCode = await cleanCommand(files, seated(given), version);
    });
}
