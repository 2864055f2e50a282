/** An answer that is no success, in words for whoever asked. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  constructor(
    readonly status: number,
    message: string,
    /** Seconds after which it is worth trying again. */
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}

/** As OpenAI, vLLM and SGLang call them. */
const TYPES: Readonly<Record<number, string>> = {
  400: 'BadRequestError',
  401: 'AuthenticationError',
  403: 'PermissionDeniedError',
  404: 'NotFoundError',
  413: 'RequestTooLargeError',
  415: 'UnsupportedMediaTypeError',
  429: 'RateLimitError',
  503: 'ServiceUnavailableError',
  504: 'TimeoutError',
};
/** As text-embeddings-inference calls them. */
const TEI_TYPES: Readonly<Record<number, string>> = {
  413: 'Validation',
  429: 'Overloaded',
  503: 'Unhealthy',
};

/** The body of an error, in the form that the asked route's clients read. */
export function errorBody(status: number, message: string, tei: boolean): object {
  if (tei)
    return {
      error: message,
      error_type: TEI_TYPES[status] ?? (status < 500 ? 'Validation' : 'Backend'),
    };
  const type = TYPES[status] ?? (status < 500 ? 'BadRequestError' : 'InternalServerError');
  return { error: { message, type, param: null, code: status } };
}
