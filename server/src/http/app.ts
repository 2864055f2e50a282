import swagger from '@fastify/swagger';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { setMaxListeners } from 'node:events';
import { cancelled, isAbort } from '../errors.js';
import type { ServeOptions } from '../protocol/index.js';
import { errorBody, HttpError } from './errors.js';
import { isLoopback, isOwnName, tokenCheck } from './guard.js';
import type { AppOptions, Loaded } from './loaded.js';
import type { RouteContext } from './routes/context.js';
import { nativeRoutes } from './routes/native.js';
import { openRlhfRoutes } from './routes/openrlhf.js';
import { systemRoutes } from './routes/system.js';
import { teiRoutes } from './routes/tei.js';
import { vllmRoutes } from './routes/vllm.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Given up: the client left, or its time is over. */
    given?: AbortController;
    /** Ends its time. */
    timer?: NodeJS.Timeout;
    /** Conversations that it asked for. */
    asked: number;
  }
}

const OPEN: ReadonlySet<string> = new Set(['/health', '/ready']);
const TEI: ReadonlySet<string> = new Set(['/predict']);
const routeOf = (request: FastifyRequest): string => request.routeOptions.url ?? 'unknown';
const LEFT = 'the client left';
const LATE = 'its time was over';

/** The HTTP side: who may ask, what is measured and logged, and the routes. */
export async function makeApp(setup: AppOptions): Promise<FastifyInstance> {
  const { options, loaded } = setup;
  const app = fastify({
    bodyLimit: options.maxBytes,
    logger: false,
    // A slow sender holds no memory for long; answers may take their time.
    requestTimeout: 60_000,
    return503OnClosing: true,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 100 },
    ajv: {
      customOptions: {
        removeAdditional: false,
        coerceTypes: false,
        useDefaults: false,
        allowUnionTypes: true,
      },
    },
  });
  app.removeContentTypeParser('text/plain');
  app.decorateRequest('asked', 0);
  guard(app, options);
  measured(app, setup);
  app.setErrorHandler<Error & { statusCode?: number }>((error, request, reply) =>
    failed(error, request, reply, setup),
  );
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send(errorBody(404, `there is no ${request.method} of this path`, false)),
  );
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'QRM Lens',
        version: setup.version,
        description: 'Distributions of rewards of a quantile reward model.',
      },
      ...(options.token !== undefined && {
        components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
        security: [{ token: [] }],
      }),
    },
  });
  const ready = (): Loaded => {
    const now = loaded();
    if (now === undefined) throw new HttpError(503, 'the model is being loaded', 1);
    return now;
  };
  const context: RouteContext = {
    app,
    model: () => ready().model,
    score: (request, conversations, priority) => {
      if (setup.draining()) throw new HttpError(503, 'the server is shutting down', 1);
      const { scorer } = ready();
      request.asked = conversations.length;
      return scorer.score(conversations, signalOf(request, options.deadline), priority);
    },
  };
  // After the plugin that collects them.
  await app.register((routes: FastifyInstance, _: object, done: () => void) => {
    const inner = { ...context, app: routes };
    systemRoutes(inner, setup);
    nativeRoutes(inner);
    vllmRoutes(inner);
    openRlhfRoutes(inner);
    teiRoutes(inner);
    done();
  });
  return app;
}

function guard(app: FastifyInstance, { host, token }: ServeOptions): void {
  const allowed = token === undefined ? undefined : tokenCheck(token);
  app.addHook('onRequest', (request, _reply, done) => {
    if (allowed === undefined) {
      if (isLoopback(host) && !isOwnName(request.headers.host, host))
        throw new HttpError(403, 'asked by another name than this machine has');
    } else if (!OPEN.has(routeOf(request)) && !allowed(request.headers.authorization))
      throw new HttpError(401, 'expected the header Authorization: Bearer TOKEN');
    done();
  });
}

function measured(app: FastifyInstance, { metrics, log }: AppOptions): void {
  app.addHook('onRequest', (request, reply, done) => {
    const given = new AbortController();
    setMaxListeners(0, given.signal); // one for each group under way
    request.given = given;
    reply.raw.once('close', () => {
      clearTimeout(request.timer);
      if (!reply.raw.writableFinished) given.abort(cancelled(LEFT));
    });
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const route = routeOf(request);
    const seconds = reply.elapsedTime / 1000;
    metrics.requests.inc({ route, status: reply.statusCode });
    metrics.seconds.observe({ route }, seconds);
    log({
      route,
      method: request.method,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      conversations: request.asked,
      id: request.id,
    });
    done();
  });
  app.addHook('onRequestAbort', (_request, done) => {
    metrics.cancelled.inc({ why: 'left' });
    done();
  });
}

/** Fires when the client leaves or the time is over: the server's, or less by `X-Request-Timeout: SECONDS`. */
function signalOf(request: FastifyRequest, deadline: number): AbortSignal {
  const header = Number(request.headers['x-request-timeout']);
  const limit = header > 0 ? Math.min(header, deadline) : deadline;
  const given = (request.given ??= new AbortController());
  const end = (): void => given.abort(new DOMException(LATE, 'TimeoutError'));
  request.timer = setTimeout(end, limit * 1000).unref();
  return given.signal;
}

function failed(
  error: Error & { statusCode?: number; validation?: unknown },
  request: FastifyRequest,
  reply: FastifyReply,
  { metrics, log }: AppOptions,
): FastifyReply {
  const tei = TEI.has(routeOf(request));
  if (error instanceof HttpError) {
    if (error.retryAfter !== undefined) void reply.header('retry-after', error.retryAfter);
    return reply.code(error.status).send(errorBody(error.status, error.message, tei));
  }
  if (error.name === 'TimeoutError') {
    metrics.cancelled.inc({ why: 'deadline' });
    return reply.code(504).send(errorBody(504, 'the time for this request is over', tei));
  }
  // Nobody is there to read it.
  if (isAbort(error)) return reply.code(499).send(errorBody(499, LEFT, tei));
  const status = error.statusCode ?? 500;
  if (status >= 500) {
    log({ error: error.name, route: routeOf(request), id: request.id });
    return reply.code(status).send(errorBody(status, 'the server could not do this', tei));
  }
  return reply.code(status).send(errorBody(status, error.message, tei));
}
