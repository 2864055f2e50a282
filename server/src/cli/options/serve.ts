import type { Command } from 'commander';
import type { ServeOptions } from '../../protocol/index.js';
import { UsageError } from '../errors.js';
import { engineOptions, number } from './values/shared.js';
import { serveCommand } from '../commands/serve.js';

/** `qrm serve`. */
export function addServeCommand(program: Command, examples: (...lines: string[]) => string): void {
  engineOptions(
    program
      .command('serve')
      .description(
        'serve distributions and rewards over HTTP, also in the forms of OpenRLHF, vLLM, SGLang, TEI and OpenAI',
      )
      .optionsGroup('Model:')
      .option('--model <name>', 'as for audit; default: the embedded one'),
  )
    .option('--name <names>', 'further names that requests may call it by', list, [])
    .option(
      '--reward <name>',
      'where a request names none: mean, q05, cvar20, ce(lambda=2), utility(lambda=2), attribute(NAME)',
      'mean',
    )
    .option(
      '--policy-template <folder>',
      "the policy's tokenizer: texts are read back by its chat template",
    )
    .optionsGroup('Address:')
    .option('--host <address>', 'another than 127.0.0.1 needs --token or --insecure', '127.0.0.1')
    .option('--port <n>', '0: any free one', number('--port', 0, 65535, true), 8080)
    .option('--token <text>', 'that requests must show; default: QRM_LENS_TOKEN')
    .option('--insecure', 'another address without a token', false)
    .option('--stdio', 'length-prefixed JSON on standard input and output, no address', false)
    .optionsGroup('Limits:')
    .option('--max-body <MiB>', 'of one request', number('--max-body', 0.001, 512), 8)
    .option(
      '--max-conversations <n>',
      'of one request',
      number('--max-conversations', 1, 1e6, true),
      1024,
    )
    .option(
      '--max-tokens <n>',
      "of one conversation, longer prompts are cut; default: the model's context",
      number('--max-tokens', 1, 1e7, true),
    )
    .option(
      '--max-queue <n>',
      'conversations that wait or run; beyond: 429',
      number('--max-queue', 1, 1e7, true),
      4096,
    )
    .option('--deadline <s>', 'of one request', number('--deadline', 0.001, 1e6), 600)
    .option('--drain <s>', 'for requests under way after SIGTERM', number('--drain', 0, 1e6), 30)
    .optionsGroup('Output:')
    .option('--quiet', 'nothing on standard error but errors', false)
    .addHelpText(
      'after',
      examples(
        'serve --port 5000                              OpenRLHF: --remote_rm_url http://127.0.0.1:5000/get_reward',
        'serve --model ./QRM-Llama3.1-8B-v2 --reward cvar20 --policy-template ./Llama-3.2-3B-Instruct',
        'serve --host 0.0.0.0 --token "$QRM_LENS_TOKEN"',
      ),
    )
    .action(async ({ name, maxBody, ...o }: Given) => {
      const token = o.token ?? process.env['QRM_LENS_TOKEN'];
      if (token === '') throw new UsageError('--token: expected a text');
      process.exitCode = await serveCommand({
        ...o,
        ...(token !== undefined && { token }),
        names: name,
        maxBytes: Math.round(maxBody * 2 ** 20),
        // On standard input only as much comes as its writer means.
        ...(o.stdio && { maxConversations: 1e6, maxQueue: 1e7 }),
      });
    });
}

/** As commander gives it. */
type Given = Omit<ServeOptions, 'names' | 'maxBytes'> & { name: string[]; maxBody: number };

const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
