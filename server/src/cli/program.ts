import { Command, Option } from 'commander';
import { REPORT_FORMATS } from '../audit/report/index.js';
import { DEFAULT_LAMBDA } from '../qrm/index.js';
import { addCalibrateCommand } from './commands/evaluation/calibrate.js';
import { auditCommand, type AuditCommandOptions } from './commands/audit.js';
import { addCleanCommand } from './options/clean.js';
import { addCompareCommand } from './options/compare.js';
import { convertCommand, type ConvertOptions } from './commands/models/convert.js';
import { addEvaluateCommand } from './options/evaluate.js';
import { doctorCommand, modelsCommand } from './commands/models/list.js';
import {
  codes,
  endpoints,
  engineOptions,
  failOn,
  inputOptions,
  number,
  tailOptions,
  thresholdOptions,
  weightList,
} from './options/values/shared.js';
import { juryOptions, seated, type GivenJudges } from './options/values/jury.js';
import { addMcpCommand } from './options/mcp.js';
import { collect, takeOnce } from './options/values/once.js';
import { addPolicyCommand } from './options/policy.js';
import { pullCommand } from './commands/models/pull.js';
import { addScoreCommand } from './options/score.js';
import { addServeCommand } from './options/serve.js';
import { addTrainCommand } from './options/train.js';
import { UsageError } from './errors.js';
import { addWatchCommand } from './options/watch.js';

const EXIT_CODES =
  'Exit codes: 0 ok, 1 findings by --fail-on, 2 usage or failure, 3 a file was unreadable, 130 interrupted.';
const examples = (...lines: readonly string[]) =>
  `\nExamples:\n${lines.map((line) => `  $ qrm ${line}`).join('\n')}\n\n${EXIT_CODES}`;

const ENDPOINTS =
  'engines that share the work: qrm serve, or vLLM, SGLang, llama.cpp with the heads of --model; token: QRM_LENS_TOKEN';
const MODEL =
  'a bundle, checkpoint folder, GGUF file or org/name on the Hugging Face hub; default: the embedded one';

const common = (command: Command) => {
  const model = command.optionsGroup('Model:').option('--model <name>', MODEL);
  return scoring(engineOptions(model).option('--endpoint <urls>', ENDPOINTS, endpoints));
};

/** The same of a command that several models may judge for. */
const judged = (command: Command) => {
  const model = command.optionsGroup('Model:').option('--model <name>', `${MODEL}; several times: a jury`, collect(String)); // prettier-ignore
  const engine = engineOptions(model).option('--endpoint <urls>', ENDPOINTS, collect(endpoints));
  return scoring(juryOptions(engine));
};

const scoring = (command: Command) => {
  const input = command.optionsGroup('Input:');
  const reading = inputOptions(input)
    .option('--no-store', 'neither read nor keep scores of other runs')
    .optionsGroup('Reading of the distributions:')
    .option(
      '--weights <list>',
      'fixed attribute weights in place of the gate: NAME=W,NAME=W',
      weightList,
    );
  return tailOptions(reading)
    .option(
      '--lambda <n>',
      'risk aversion of the certainty equivalent',
      number('--lambda', 0, 1e6),
      DEFAULT_LAMBDA,
    )
    .optionsGroup('Output:')
    .option('--out <file>', 'write there instead of to standard output')
    .option('--quiet', 'nothing on standard error but errors');
};

/** Processes begin in the working folder, and names are read from it. @throws UsageError where it is gone */
function checkWorkingFolder(): void {
  try {
    process.cwd();
  } catch {
    throw new UsageError(
      'the working folder is not there any more (deleted or unmounted); expected to run in one that is: cd to it',
    );
  }
}

/** All commands of `qrm` with their options. @throws CommanderError, UsageError where it is given what it does not take */
export function qrmProgram(version: string): Command {
  const program = new Command('qrm')
    .description(
      'Audit preference data and chats with a quantile reward model: shows the whole distribution of rewards, and the responses whose left tail is low.',
    )
    .version(version)
    .configureHelp({ showGlobalOptions: false })
    .hook('preAction', checkWorkingFolder)
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      examples(
        'audit data/                               every dataset in a folder',
        'audit pairs.jsonl --format sarif --out qrm.sarif --fail-on inverted-pair:10',
        'score pairs.jsonl.gz --out scores.jsonl   run again to resume',
      ),
    )
    .exitOverride();

  const audit = judged(
    program.command('audit').argument('[files...]', 'datasets, or folders of them'),
  )
    .description('list the riskiest responses and what is wrong with the data')
    .option('--scores <folder>', 'shards of qrm score --ray: nothing is scored, no model needed')
    .addOption(new Option('--format <name>').choices(REPORT_FORMATS).default('text'))
    .option(
      '--top <n>',
      'responses shown by text, html and json',
      number('--top', 0, 1e5, true),
      20,
    )
    .option(
      '--sarif-results <n>',
      'results in SARIF; default: what code scanning takes, 25,000 and 10 MB gzipped',
      number('--sarif-results', 1, 1e9, true),
    )
    .optionsGroup('Findings (a threshold is a figure, or a share of the dataset such as 5%):')
    .option('--select <codes>', 'only these', codes('--select'))
    .option('--ignore <codes>', 'all but these', codes('--ignore'));
  thresholdOptions(audit)
    .option(
      '--fail-on <what>',
      'exit 1 on CODE[:n] or on a severity (error, warning, info)',
      failOn,
    )
    .addHelpText(
      'after',
      examples(
        'audit pairs.jsonl --limit 200 --top 10',
        'audit pairs.parquet --tail-threshold -0.2 --select low-left-tail,inverted-pair',
        'audit chats/ --format html --out report.html',
        'audit pairs.jsonl --format sarif --out qrm.sarif --fail-on warning',
        'audit pairs.jsonl --model A --model B --endpoint http://127.0.0.1:8000 --quorum 2',
        'audit odd.csv --mapping \'{"prompt": "question", "chosen": "best", "rejected": "worst"}\'',
      ),
    )
    .action(async (files: string[], given: GivenJudges<AuditCommandOptions>) => {
      const o = seated(given);
      if (files.length === 0 && o.scores === undefined)
        audit.error("error: missing required argument 'files'");
      process.exitCode = await auditCommand(files, o, version);
    });
  addScoreCommand(common, program, examples);
  addPolicyCommand(common, program, examples, version);
  addWatchCommand(program, examples);
  addCleanCommand(judged, program, examples, version);
  addCompareCommand(program, examples);
  program
    .command('convert <checkpoint> <bundle>')
    .description('make a bundle of a Hugging Face folder or a GGUF file')
    .addOption(
      new Option('--precision <name>').choices(['auto', 'float32', 'int8', 'int4']).default('auto'),
    )
    .option('--heads <folder>', 'heads.json and heads.safetensors, for a backbone without its own')
    .option('--quiet', 'nothing on standard error but errors')
    .addHelpText(
      'after',
      examples(
        'convert ./QRM-Llama3.1-8B-v2 ./qrm-8b-int8 --precision int8',
        'convert backbone.Q4_1.gguf ./bundle --heads ./my-heads',
        'audit pairs.jsonl --model ./bundle',
      ),
    )
    .action(async (from: string, to: string, o: ConvertOptions) => {
      process.exitCode = await convertCommand(from, to, o);
    });
  addEvaluateCommand(program, examples);
  addCalibrateCommand(program, common, examples);
  addTrainCommand(program, examples);
  addServeCommand(program, examples);
  addMcpCommand(program, examples);
  program
    .command('pull <model>')
    .description('download a model of the Hugging Face hub: org/name or org/name@revision')
    .option('--quiet', 'nothing on standard error but errors')
    .addHelpText(
      'after',
      examples(
        'pull Skywork/Skywork-Reward-V2-Qwen3-0.6B   run again to go on after a break',
        'audit pairs.jsonl --model Skywork/Skywork-Reward-V2-Qwen3-0.6B',
      ) +
        '\nHF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_ENDPOINT and HF_HUB_OFFLINE mean what they mean in Python.',
    )
    .action(async (name: string, o: { quiet?: boolean }) => {
      process.exitCode = await pullCommand(name, o);
    });
  program
    .command('lsp')
    .description('the language server, for editors: Neovim, Helix, Zed, Emacs (docs/editors.md)')
    .option('--stdio', 'over standard input and output; the default, and the only way')
    .action(async () => {
      if (!process.argv.includes('--stdio')) process.argv.push('--stdio');
      await import(new URL('./server.js', import.meta.url).href);
    });
  program
    .command('doctor')
    .description('which execution provider is used, why not the others, and how to get them')
    .option('--json', 'as JSON')
    .option('--known', 'what was found earlier, where it was, in place of probing anew')
    .option('--install-cuda', 'first bring CUDA’s library (250 MB), after asking')
    .option('--yes', 'do not ask')
    .action(doctorCommand);
  program
    .command('models')
    .description('the models at hand (embedded, converted earlier), and those to be had on the hub')
    .option('--json', 'as JSON')
    .action(modelsCommand);

  for (const command of program.commands) {
    command.exitOverride();
    takeOnce(command);
  }
  return program;
}
