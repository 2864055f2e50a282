/** Kinds of errors, told apart by their class, never by their words. */

/** What went wrong, in words: an error's message, or whatever was thrown as text. */
export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** What the system's codes of a connection mean. */
const CONNECTIONS: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'nothing answers there; is the server running?'],
  ['ECONNRESET', 'the connection broke'],
  ['UND_ERR_SOCKET', 'the connection broke'],
  ['EPIPE', 'the connection broke'],
  ['ENOTFOUND', 'there is no such host'],
  ['EAI_AGAIN', 'the host cannot be looked up now'],
  ['EHOSTUNREACH', 'there is no way to that host'],
  ['ENETUNREACH', 'there is no network'],
  ['ETIMEDOUT', 'no answer in time'],
  ['UND_ERR_CONNECT_TIMEOUT', 'no answer in time'],
  ['UND_ERR_HEADERS_TIMEOUT', 'no answer in time'],
  ['UND_ERR_BODY_TIMEOUT', 'no answer in time'],
  ['CERT_HAS_EXPIRED', 'its certificate has expired'],
  [
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'its certificate is its own; NODE_EXTRA_CA_CERTS names a file of those to trust',
  ],
  [
    'SELF_SIGNED_CERT_IN_CHAIN',
    'its certificate is not trusted; NODE_EXTRA_CA_CERTS names a file of those to trust',
  ],
  [
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'its certificate is not trusted; NODE_EXTRA_CA_CERTS names a file of those to trust',
  ],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'it does not speak https; is it http?'],
]);

/** Why a request by `fetch` has no answer, in words: `fetch failed` hides the system's reason one level down. */
export function connectionReason(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  // A host with several addresses fails with one error for each.
  const first = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause;
  const { code } = (first ?? {}) as { code?: string };
  const told = code === undefined ? undefined : CONNECTIONS.get(code);
  if (told !== undefined) return `${told} (${code})`;
  return messageOf(first ?? error) || (code ?? messageOf(error));
}

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
