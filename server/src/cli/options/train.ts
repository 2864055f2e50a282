import { Option, type Command } from 'commander';
import { DEVICES, PRECISIONS } from '../../protocol/index.js';
import { UsageError } from '../errors.js';
import { endpoints, number, weightList } from './values/shared.js';
import { trainCommand, type TrainOptions } from '../commands/train.js';

/** `1024,1024,1024`, or nothing for a linear gate. */
function channels(text: string): number[] {
  if (text.trim() === '' || text === 'none') return [];
  return text.split(',').map(number('--gate-hidden', 1, 1e5, true));
}

function l1(text: string): number | 'auto' {
  return text === 'auto' ? 'auto' : number('--l1', 0, 1e6)(text);
}

/** `qrm train`; what only a config can say (mappings, samples of a file) is in its schema. */
export function addTrainCommand(program: Command, examples: (...lines: string[]) => string): void {
  program
    .command('train')
    .description(
      'train quantile heads and a gate on rated responses and pairs; run again to resume',
    )
    .optionsGroup('Data:')
    .option('--config <file>', 'train.json with all of these and more; options win over it')
    .option('--data <folder>', 'that file names in the config are relative to')
    .option(
      '--attributes <files...>',
      'rated responses, or folders of them: JSON, JSON Lines, CSV, Parquet',
    )
    .option('--scale <name=min:max...>', 'of labels; default: of the layout, else of the data')
    .option('--pairs <files...>', 'preference pairs, every format that audit reads')
    .option(
      '--max-per-attribute <n>',
      'labels (default 60000)',
      number('--max-per-attribute', 50, 1e9, true),
    )
    .option(
      '--max-tokens <n>',
      'longer conversations are left out (default 4096)',
      number('--max-tokens', 1, 1e7, true),
    )
    .optionsGroup('Model:')
    .option(
      '--backbone <name>',
      'GGUF file, Hugging Face folder, bundle or name; default: the embedded one',
    )
    .option('--layer <n>', 'layers that are run (default all)', number('--layer', 1, 1000, true))
    .addOption(new Option('--device <name>', 'where it runs (default auto)').choices(DEVICES))
    .addOption(
      new Option('--precision <name>', 'of it as it runs (default auto)').choices([
        'auto',
        ...PRECISIONS,
      ]),
    )
    .option(
      '--gpu-memory <GB>',
      'of the GPU that may be used; default: what is free',
      number('--gpu-memory', 0.1, 10_000),
    )
    .option(
      '--endpoint <URLs>',
      "vLLM, SGLang or llama.cpp's server with the backbone: gives the features (docs/remote.md)",
      endpoints,
    )
    .option('--l1 <x>', "factor of the heads' L1 penalty, or auto (default 0.003)", l1)
    .option('--monotone', 'refit so that levels do not cross on training responses')
    .option('--verbosity <name>', 'none (default), length, or the attribute that means verbosity')
    .option(
      '--gate-hidden <list>',
      'channels of hidden layers (default 1024,1024,1024), or none',
      channels,
    )
    .option('--weights <list>', 'fixed weights in place of the gate: NAME=W,NAME=W', weightList)
    .option('--seed <n>', 'of every choice (default 1)', number('--seed', 0, 2 ** 32 - 1, true))
    .option('--threads <n>', 'default: one for each core', number('--threads', 1, 1024, true))
    .optionsGroup('Output:')
    .option('--out <folder>', 'the bundle')
    .option('--checkpoint <folder>', 'the same in the published layout, for PyTorch')
    .option('--work <folder>', 'features and fitted stages (default OUT.work)')
    .option('--notes <file>', 'Markdown that goes into the card')
    .addOption(
      new Option('--progress <kind>', 'text on standard error, or JSON Lines on standard output')
        .choices(['text', 'json'])
        .default('text'),
    )
    .option('--quiet', 'nothing on standard error but errors')
    .addHelpText(
      'after',
      examples(
        'train --attributes ratings.jsonl --pairs pairs.jsonl --out my-qrm',
        'train --config train.json --out my-qrm --checkpoint my-qrm-hf',
        'audit pairs.jsonl --model my-qrm',
      ),
    )
    .action(async (o: TrainOptions) => {
      if (o.config === undefined && o.attributes === undefined) {
        throw new UsageError('train: expected --attributes FILE… or --config train.json');
      }
      process.exitCode = await trainCommand(o);
    });
}
