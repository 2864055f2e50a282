#!/usr/bin/env node
import './interrupt.js';
import { CommanderError } from 'commander';
import { systemReason } from '../files/reasons.js';
import { programVersion } from '../files/version.js';
import { EXIT, explain, UsageError } from './errors.js';
import { passedOver } from './files.js';
import { isClosedPipe } from './output/output.js';
import { qrmProgram } from './program.js';

const program = qrmProgram(programVersion(import.meta.url));

/** `qrm adit --help` is no question about qrm: commander would answer it with the general help. */
function refuseUnknown(args: readonly string[]): void {
  const name = args.find((arg) => !arg.startsWith('-'));
  const asked =
    name === 'help' ? args.slice(args.indexOf(name) + 1).find((a) => !a.startsWith('-')) : name;
  if (asked === undefined || asked === 'help') return;
  if (program.commands.every((command) => command.name() !== asked))
    program.parse(['node', 'qrm', asked]); // says so, with a suggestion
}

// `qrm … | head` closes the pipe: that is no error, and `print` ends the run in good order.
process.stdout.on('error', (error) => {
  if (isClosedPipe(error)) return;
  console.error(`qrm: standard output: ${systemReason(error)}`);
  process.exit(EXIT.usage);
});
// Nobody is there to be told.
process.stderr.on('error', () => undefined);
try {
  refuseUnknown(process.argv.slice(2));
  await program.parseAsync();
  if (process.exitCode === EXIT.ok && passedOver()) process.exitCode = EXIT.unreadable;
} catch (error) {
  if (error instanceof CommanderError)
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else if (isClosedPipe(error)) process.exitCode = EXIT.ok;
  else {
    console.error(explain(error));
    if (error instanceof UsageError) console.error('See qrm --help.');
    process.exitCode = EXIT.usage;
  }
}
