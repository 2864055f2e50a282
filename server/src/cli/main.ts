#!/usr/bin/env node
import { Command, CommanderError, Option } from 'commander';
import { FORMATS } from '../audit/report/index.js';
import { auditCommand, type AuditCommandOptions } from './audit-command.js';
import type { CommonOptions } from './common.js';
import { convertModel, doctor, listModels } from './engine.js';
import { EXIT, explain, UsageError } from './errors.js';
import { failOn, mapping, number, threshold } from './options.js';
import { scoreCommand } from './score-command.js';

const VERSION = '0.1.0';
const CONTAINERS = ['jsonl', 'json', 'csv', 'tsv', 'parquet', 'markdown'];

const common = (command: Command) =>
  command
    .option('--out <file>', 'write there instead of to standard output')
    .option('--limit <n>', 'only the first N rows of each file', number('--limit', 1, 1e12, true))
    .option('--mapping <json>', 'which fields hold what: a JSON object or a file', mapping)
    .addOption(new Option('--input-format <name>', 'default: from content').choices(CONTAINERS))
    .option('--weights <list>', 'fixed attribute weights in place of the gate: NAME=W,…')
    .option(
      '--lambda <n>',
      'risk aversion of the certainty equivalent',
      number('--lambda', 0, 1e6),
      1,
    )
    .option('--tau <n>', 'level of the left tail', number('--tau', 1e-6, 0.5), 0.05)
    .option('--model <name>', 'a bundle or a checkpoint folder; default: the embedded model')
    .addOption(
      new Option('--device <name>').choices(['auto', 'cpu', 'cuda', 'webgpu', 'coreml', 'dml']),
    )
    .addOption(new Option('--precision <name>').choices(['auto', 'float32', 'int8']))
    .option('--no-store', 'neither read nor keep scores of other runs')
    .option('--quiet', 'nothing on standard error but errors');

const program = new Command('qrm')
  .description('Audit preference data with a quantile reward model.')
  .version(VERSION)
  .addHelpText(
    'after',
    '\nExit codes: 0 ok, 1 findings by --fail-on, 2 usage or failure, 3 a file was unreadable, 130 interrupted.',
  )
  .exitOverride();

common(program.command('audit').argument('<files...>', 'datasets, or folders of them'))
  .description('list the riskiest responses and what is wrong with the data')
  .addOption(new Option('--format <name>').choices(FORMATS).default('text'))
  .option('--top <n>', 'responses shown', number('--top', 0, 1e5, true), 20)
  .option('--tail-threshold <x>', 'low-left-tail: a reward, or a share such as 5%', threshold)
  .option('--fail-on <what>', 'exit 1 on CODE[:n] or on a severity (error, warning, info)', failOn)
  .action(async (files: string[], o: AuditCommandOptions) => {
    process.exitCode = await auditCommand(files, o, VERSION);
  });
common(program.command('score').argument('<files...>', 'datasets, or folders of them'))
  .description('write the score of every response as JSON Lines; run again to resume')
  .action(async (files: string[], o: CommonOptions) => {
    process.exitCode = await scoreCommand(files, o);
  });
program
  .command('convert <checkpoint> <bundle>')
  .description('make a bundle of a Hugging Face folder or a GGUF file')
  .addOption(new Option('--precision <name>').choices(['float32', 'int8']))
  .action(async (from: string, to: string, o: Parameters<typeof convertModel>[2]) => {
    await convertModel(from, to, o);
  });
program
  .command('doctor')
  .description('which execution provider is used, and why not the others')
  .action(async () => {
    const r = await doctor();
    console.log(
      `${r.platform}, Node ${r.node}, ONNX Runtime ${r.onnxruntime}, ${r.cpu}, ${r.threads} threads`,
    );
    for (const p of r.providers) {
      const state = p.chosen ? 'used' : p.available ? 'available' : 'not available';
      console.log(
        `  ${p.name.padEnd(8)} ${state.padEnd(14)} ${p.reason}${p.fix ? `\n           ${p.fix}` : ''}`,
      );
    }
  });
program
  .command('models')
  .description('the models at hand')
  .action(async () => {
    for (const model of await listModels()) console.log(Object.values(model).join('  '));
  });

for (const command of program.commands) command.exitOverride();
// `qrm … | head` closes the pipe: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.usage);
});
try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError)
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else {
    console.error(explain(error));
    if (error instanceof UsageError) console.error('See qrm --help.');
    process.exitCode = EXIT.usage;
  }
}
