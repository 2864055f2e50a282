import type { Command } from 'commander';
import type { McpOptions } from '../../protocol/index.js';
import { mcpCommand } from '../commands/mcp.js';
import { collect } from './values/once.js';
import { endpoints, engineOptions } from './values/shared.js';

/** `qrm mcp`. */
export function addMcpCommand(program: Command, examples: (...lines: string[]) => string): void {
  engineOptions(
    program
      .command('mcp')
      .description(
        'a Model Context Protocol server over standard input and output, for assistants (docs/mcp.md)',
      )
      .optionsGroup('What calls may reach:')
      .option(
        '--root <dir>',
        "a folder whose files calls may name; may be repeated; default: the client's roots, or the working folder",
        collect(String),
        [],
      )
      .option('--allow-models', 'calls may name models, also paths outside of the folders', false)
      .optionsGroup('Model:')
      .option('--model <name>', 'as for audit; default: the embedded one')
      .option('--endpoint <urls>', 'engines that score in place of this machine', endpoints),
  )
    .option('--no-store', 'neither read nor keep scores of other runs')
    .optionsGroup('Output:')
    .option('--quiet', 'nothing on standard error but errors', false)
    .addHelpText('after', examples('mcp --root ~/data', 'mcp --root . --model ./my-qrm'))
    .action(async ({ root, ...o }: Omit<McpOptions, 'roots'> & { root: string[] }) => {
      process.exitCode = await mcpCommand({ ...o, roots: root });
    });
}
