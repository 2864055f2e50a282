import { Option, type Command } from 'commander';
import { POLICY_FORMATS } from '../../policy/report/index.js';
import { number } from './values/shared.js';
import { policyCommand, type PolicyCommandOptions } from '../commands/policy.js';

/** `1,2,5`: each checked alone. */
const numbers =
  (name: string, low: number, high: number) =>
  (text: string): number[] =>
    text.split(',').map(number(name, low, high));

/** `qrm policy`; `common` adds what every command that scores has. */
export function addPolicyCommand(
  common: (command: Command) => Command,
  program: Command,
  examples: (...lines: string[]) => string,
  version: string,
): void {
  const command = program
    .command('policy')
    .argument(
      '<samples...>',
      'several responses to each prompt: completions, best-of-n sets, pairs',
    );
  common(command)
    .description(
      'what training would do: KL-optimal policies and best-of-k on your samples, by mean and by risk-aware objectives',
    )
    .addOption(new Option('--format <name>').choices([...POLICY_FORMATS]).default('text'))
    .option('--write <file>', 'the best of n by --by, as prompt and completion (JSON Lines)')
    .option(
      '--write-pairs <file>',
      'best against worst by --by, with margins, for DPO (JSON Lines)',
    )
    .option('--write-weights <file>', 'every response with its weight at --kl by --by (JSON Lines)')
    .option('--by <objective>', 'objective of --write…; default: the first that is not the mean')
    .optionsGroup('Objectives:')
    .option(
      '--objectives <list>',
      'compared with the mean: q05, cvar20, ce(lambda=2), utility(lambda=2), attribute(NAME), weights(A=0.7,B=0.3)',
    )
    .option(
      '--kl <nats>',
      'where they are compared; default: 1, or half of log n where that is less',
      number('--kl', 1e-4, 20),
    )
    .option(
      '--betas <list>',
      'of the path; default: those with a KL of 0.05 to 4 nats',
      numbers('--betas', 1e-9, 1e9),
    )
    .option(
      '--lambdas <list>',
      'risk aversions looked through; default: around 1 / (the rewards’ spread)',
      numbers('--lambdas', 0, 1e6),
    )
    .option(
      '--threshold <reward>',
      'the share of rewards below it is told; default: what 5 % of the reference’s are below',
      number('--threshold', -1e9, 1e9),
    )
    .option('--seed <n>', 'of the bootstrap (default 1)', number('--seed', 0, 2 ** 32 - 1, true))
    .addHelpText(
      'after',
      examples(
        'policy samples.jsonl                       rows {"prompt": …, "completions": [ … ]}',
        "policy samples.jsonl --objectives 'ce(lambda=5),q05,attribute(safe)' --kl 0.5",
        "policy samples.jsonl --by 'ce(lambda=5)' --write best.jsonl --write-pairs dpo.jsonl",
        'policy samples.jsonl --format html --out preview.html',
      ),
    )
    .action(async (files: string[], o: Omit<PolicyCommandOptions, 'lambdaGiven'>) => {
      const lambdaGiven = command.getOptionValueSource('lambda') === 'cli';
      process.exitCode = await policyCommand(files, { ...o, lambdaGiven }, version);
    });
}
