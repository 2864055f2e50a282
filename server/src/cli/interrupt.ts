import { setMaxListeners } from 'node:events';
import { explain, EXIT } from './errors.js';

/** How long an interrupted command may take to leave in good order. */
const LEAVE = 5000;

const controller = new AbortController();
setMaxListeners(0, controller.signal); // one for each group under way
let listening = false;
let stopped: ((name: string) => void) | undefined;

const leave = () => process.exit(EXIT.interrupted);
function stop(name: string): void {
  if (stopped !== undefined) {
    const first = stopped;
    stopped = leave;
    return first(name);
  }
  if (!listening) {
    interrupted();
    leave();
  }
  if (controller.signal.aborted) leave();
  controller.abort();
  setTimeout(leave, LEAVE).unref();
}
// Imported before all else: a signal has its exit code from the first moment on. SIGHUP last, as tests see
// by it that all are there.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, stop);

// What nothing caught: 1 would say that there are findings.
process.on('uncaughtException', (error) => {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(EXIT.usage);
});

/**
 * For a command that leaves in good order: aborted on the first Ctrl-C, SIGTERM or hang-up; the second leaves
 * at once, as does the first where the command has not ended some seconds later (what is scored is in the store).
 * Other commands end at the first.
 */
export function onInterrupt(): AbortController {
  listening = true;
  return controller;
}

/**
 * Says that a command was stopped.
 * @param kept what is left of its work, so that the same command goes on: "What was scored is kept"
 * @returns the exit code
 */
export function interrupted(
  kept?: string,
  say: (line: string) => void = (line) => void process.stderr.write(`${line}\n`),
): number {
  say(`Interrupted.${kept === undefined ? '' : ` ${kept}: the same command goes on from there.`}`);
  return EXIT.interrupted;
}

/** For a command that ends by a signal, in its own time: told of the first; the second ends it at once. */
export function onSignals(first: (name: string) => void): void {
  stopped = first;
}
