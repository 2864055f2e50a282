import { Option, type Command } from 'commander';
import { MONITOR } from '../../policy/watch/index.js';
import { engineOptions, number } from './values/shared.js';
import { watchCommand, type WatchCommandOptions } from '../commands/watch.js';

/** `qrm watch`. */
export function addWatchCommand(program: Command, examples: (...lines: string[]) => string): void {
  engineOptions(
    program
      .command('watch')
      .argument('<log>', 'a JSON Lines log, a folder of them, or a URL')
      .description(
        "follow a training's rollouts: left tail over steps, the worst responses as they come, alarms for drift",
      )
      .optionsGroup('Model (for responses whose left tail the log does not have):')
      .option('--model <name>', 'as for audit; default: the embedded one'),
  )
    .option('--no-score', 'score nothing: only what the log says')
    .optionsGroup('Alarms:')
    .option(
      '--window <steps>',
      'looked at together',
      number('--window', 8, 1e5, true),
      MONITOR.window,
    )
    .option('--kl-min <nats>', '', number('--kl-min', -1e6, 1e6), MONITOR.kl[0])
    .option('--kl-max <nats>', 'KL outside is an alarm', number('--kl-max', 0, 1e6), MONITOR.kl[1])
    .option(
      '--length-share <share>',
      "of the reward's variance within steps that length may explain",
      number('--length-share', 0.01, 1),
      MONITOR.lengthShare,
    )
    .option('--fail-on-alarm', 'exit 1 when there was one')
    .optionsGroup('Output:')
    .addOption(new Option('--format <name>').choices(['text', 'jsonl']).default('text'))
    .option('--once', 'read what is there, and end')
    .option('--top <n>', 'worst rollouts shown at the end', number('--top', 0, 1000, true), 10)
    .option('--quiet', 'nothing on standard error but errors')
    .addHelpText(
      'after',
      examples(
        'watch runs/rloo/rollouts.jsonl                 TRL, OpenRLHF, verl: Ctrl-C for the summary',
        'watch runs/rloo/ --once --fail-on-alarm        a folder of logs, in CI',
        'watch https://trainer.example/rollouts.jsonl   JSON Lines or server-sent events',
      ),
    )
    .action(async (log: string, o: WatchCommandOptions) => {
      process.exitCode = await watchCommand(log, o);
    });
}
