/** What went wrong, in words: an error's message, or whatever was thrown as text. */
export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** Was it given up on purpose? */
export const isAbort = (error: unknown): boolean =>
  error instanceof Error && error.name === 'AbortError';
