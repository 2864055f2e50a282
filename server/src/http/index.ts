import { setMaxListeners } from 'node:events';
import { openEvaluator } from '../engine/index.js';
import { UsageError, messageOf } from '../errors.js';
import { programVersion } from '../files/version.js';
import { locateModel } from '../model/bundle/locate.js';
import { cacheIfAny } from '../model/bundle/model-cache.js';
import { openTemplateReader } from '../model/tokenizer/open-template.js';
import type { ServeOptions } from '../protocol/index.js';
import { makeApp } from './app.js';
import type { Loaded } from './loaded.js';
import { checkAddress } from './guard.js';
import { Metrics } from './metrics.js';
import { ServedModel } from './model.js';
import { Scorer } from './scorer.js';
import { serveStdio } from './stdio.js';

export interface ServeHooks {
  /** For people. */
  readonly say: (line: string) => void;
  /** Structured log. */
  readonly log: (line: Readonly<Record<string, unknown>>) => void;
  /** The first time: no new work, then the end. The second: at once. */
  readonly onStop: (stop: (name: string) => void) => void;
  readonly onProgress?: (progress: { message: string; fraction?: number }) => void;
}

/**
 * Serves until it is stopped.
 * @throws UsageError for options that do not fit; Error when the model cannot be used
 */
export async function serve(options: ServeOptions, hooks: ServeHooks): Promise<void> {
  if (options.maxConversations > options.maxQueue)
    throw new UsageError(
      `--max-conversations ${options.maxConversations}: expected at most --max-queue ${options.maxQueue}`,
    );
  if (!options.stdio) checkAddress(options);
  const metrics = new Metrics();
  const version = programVersion(import.meta.url);
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  let stopping = false;
  let loaded: Loaded | undefined;
  const app = options.stdio
    ? undefined
    : await makeApp({
        options,
        version,
        metrics,
        loaded: () => loaded,
        draining: () => stopping,
        log: hooks.log,
      });
  const stopped = new Promise<void>((resolve) =>
    hooks.onStop((name) => {
      stopping = true;
      const waiting = loaded?.scorer.queue ?? 0;
      hooks.say(`${name}: ${waiting} conversations are under way, no new ones are taken`);
      if (loaded === undefined) stop.abort();
      resolve();
    }),
  );
  if (app !== undefined) {
    const address = await listen(app, options);
    hooks.say(`Listening on ${address}`);
  }
  let close: () => Promise<void> = () => Promise.resolve();
  try {
    const { ready, evaluator } = await load(options, metrics, stop.signal, hooks);
    close = () => evaluator.close();
    loaded = ready;
    const { modelName, executionProvider, precision } = ready.model.info;
    hooks.say(`Model ${modelName} (${executionProvider}, ${precision}), ready`);
    hooks.log({ event: 'ready', names: ready.model.names, precision, executionProvider });
    if (options.stdio) {
      const done = serveStdio(ready, evaluator, process.stdin, process.stdout, stop.signal);
      await Promise.race([done, stopped.then(() => process.stdin.destroy())]);
    } else {
      await stopped;
    }
    await drain(app, options.drain, ready.scorer);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    await app?.close().catch(() => undefined);
    await close();
    hooks.log({ event: 'stopped' });
  }
}

async function listen(
  app: Awaited<ReturnType<typeof makeApp>>,
  { host, port }: ServeOptions,
): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    throw new UsageError(`--host ${host} --port ${port}: ${messageOf(error)}`);
  }
}

async function load(
  options: ServeOptions,
  metrics: Metrics,
  signal: AbortSignal,
  { onProgress, say }: ServeHooks,
) {
  const { policyTemplate } = options;
  const reader =
    policyTemplate === undefined
      ? undefined
      : await openTemplateReader(await locateTemplate(policyTemplate));
  const evaluator = await openEvaluator({
    model: options.model,
    device: options.device,
    precision: options.precision,
    threads: options.threads,
    gpuMemory: options.gpuMemory,
    onNotice: (note) => say(`Note: ${note}`),
    signal,
    onProgress,
    onRestart: (why) => say(`The evaluator was started again: ${why}`),
  });
  try {
    const { info } = evaluator;
    const names = [...options.names, info.modelName, ...(options.model ? [options.model] : [])];
    const model = new ServedModel(
      info,
      [...new Set([...names, 'default'])],
      options.reward,
      reader,
    );
    const scorer = new Scorer(evaluator, options, metrics);
    return { ready: { model, scorer }, evaluator };
  } catch (error) {
    await evaluator.close();
    if (error instanceof RangeError) throw new UsageError(`--reward: ${error.message}`);
    throw error;
  }
}

async function locateTemplate(name: string): Promise<string> {
  try {
    return await locateModel(name, cacheIfAny());
  } catch (error) {
    throw new UsageError(`--policy-template: ${messageOf(error)}`);
  }
}

/** Waits for what is under way. */
async function drain(
  app: Awaited<ReturnType<typeof makeApp>> | undefined,
  seconds: number,
  scorer: Scorer,
): Promise<void> {
  const until = Date.now() + seconds * 1000;
  app?.close().catch(() => undefined);
  while (scorer.queue > 0 && Date.now() < until) await new Promise((r) => setTimeout(r, 20));
}
