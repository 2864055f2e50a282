import { CancellationError, ProgressLocation, window, type CancellationToken } from 'vscode';
import {
  LSPErrorCodes,
  ResponseError,
  WorkDoneProgress,
  type LanguageClient,
} from 'vscode-languageclient/node';
import { complain } from './tell.js';
import type { Context } from './context.js';

let tokens = 0;

/** By the kind of the answer, not by its words: they may hold a file's name. */
export const isCancelled = (error: unknown): boolean =>
  error instanceof CancellationError ||
  (error instanceof ResponseError &&
    (error.code === LSPErrorCodes.RequestCancelled ||
      error.code === LSPErrorCodes.ServerCancelled));

/**
 * Work of the server in a notification with its progress, and a button that cancels it.
 * @param run is given the token that the server tells its progress by
 * @returns undefined when it was cancelled or failed; the user has been told
 */
export async function withProgress<T>(
  context: Context,
  title: string,
  run: (client: LanguageClient, token: CancellationToken, id: string) => Promise<T>,
): Promise<T | undefined> {
  try {
    const client = await context.server();
    const options = { location: ProgressLocation.Notification, title, cancellable: true };
    return await window.withProgress(options, async (progress, token) => {
      const id = `qrmLens.${++tokens}`;
      let done = 0;
      const listening = client.onProgress(WorkDoneProgress.type, id, (value) => {
        if (value.kind === 'end') return;
        const { message } = value;
        const percentage = value.percentage ?? done;
        const increment = Math.max(0, percentage - done);
        done = Math.max(done, percentage);
        progress.report({ ...(message !== undefined && { message }), increment });
      });
      try {
        return await run(client, token, id);
      } finally {
        listening.dispose();
      }
    });
  } catch (error) {
    if (!isCancelled(error)) complain(error);
    return undefined;
  }
}
