import { commands, type Disposable } from 'vscode';
import { messageOf } from '../../server/src/errors.js';
import type { Context } from './context.js';
import { complain } from './tell.js';

/** Registers `qrmLens.NAME`; what goes wrong is told, and logged. */
export const command = (
  { log }: Pick<Context, 'log'>,
  name: string,
  run: (...args: unknown[]) => unknown,
): Disposable =>
  commands.registerCommand(`qrmLens.${name}`, async (...args: unknown[]) => {
    try {
      return await run(...args);
    } catch (error) {
      log.error(`${name}: ${messageOf(error)}`);
      complain(error);
      return undefined;
    }
  });
