/** Kinds of errors, told apart by their class, never by their words. */

/** What went wrong, in words: an error's message, or whatever was thrown as text. */
export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** A file cannot be read on: it costs that file, and nothing else. */
export class FileError extends Error {
  override readonly name = 'FileError';
  constructor(
    readonly path: string,
    cause: unknown,
  ) {
    super(messageOf(cause), { cause });
  }
}

/** The model on disk is another one than what was known of it: whoever began with that begins anew. */
export class ModelChanged extends Error {
  override readonly name = 'ModelChanged';
}

/** Something the user can put right: shown as its message, without a stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The reason of a signal that fires because somebody no longer wants the work. */
export const cancelled = (message = 'cancelled'): DOMException =>
  new DOMException(message, 'AbortError');

/** Was it given up on purpose? */
export const isAbort = (error: unknown): boolean =>
  error instanceof Error && error.name === 'AbortError';

/**
 * Lets work go on that nobody waits for.
 * @param failed hears why it failed, unless it was given up on purpose
 */
export function unawaited(work: PromiseLike<unknown>, failed: (error: unknown) => void): void {
  work.then(undefined, (error: unknown) => {
    if (!isAbort(error)) failed(error);
  });
}
