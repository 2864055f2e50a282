import { warmReader } from '../datasets/process/index.js';
import type { Evaluator } from '../engine/types.js';
import { messageOf, ModelChanged, unawaited } from '../errors.js';
import { programVersion } from '../files/version.js';
import { KnownModels } from '../session/model/known-models.js';
import { ScoreStore } from '../store/index.js';
import type { CommonOptions } from './common.js';
import { openEvaluator } from './engine.js';
import { interrupted, onInterrupt } from './interrupt.js';
import { loadingLine } from './output/progress.js';
import { sayer } from './output/output.js';

/** What a command that scores works with. */
export interface Session {
  readonly evaluator: Evaluator;
  readonly store: ScoreStore | undefined;
  readonly signal: AbortSignal;
  /** A line on standard error, unless --quiet. */
  readonly say: (line: string) => void;
}

/** Who is told what a session does: a person, or the editor. */
export interface SessionTold {
  readonly say: (line: string) => void;
  readonly loading: Pick<ReturnType<typeof loadingLine>, 'show' | 'clear'>;
}

/** Lines on standard error. */
export const linesTold = (quiet: boolean): SessionTold => ({
  say: sayer(quiet),
  loading: loadingLine(quiet),
});

/** The evaluator that the options name. @throws Error naming what cannot be used; AbortError */
export const openModel = (
  o: CommonOptions,
  { say, loading }: SessionTold,
  signal: AbortSignal,
): Promise<Evaluator> =>
  openEvaluator({
    model: o.model,
    device: o.device,
    precision: o.precision,
    threads: o.threads,
    gpuMemory: o.gpuMemory,
    ...(o.endpoint && { endpoints: o.endpoint }),
    signal,
    onProgress: loading.show,
    onNotice: (note) => {
      loading.clear();
      say(`Note: ${note}`);
    },
    onRestart: (reason) => say(o.endpoint ? reason : `The evaluator was started again: ${reason}`),
  }).finally(loading.clear);

/**
 * The same, but a model that was opened before is loaded when something is to score: an audit of which the store has all needs none.
 * An engine at a URL is always asked what it serves.
 */
async function openWhenNeeded(
  o: CommonOptions,
  told: SessionTold,
  signal: AbortSignal,
  store: ScoreStore | undefined,
): Promise<Evaluator> {
  const open = (): Promise<Evaluator> => openModel(o, told, signal);
  if (store === undefined || o.endpoint !== undefined) return open();
  const models = new KnownModels(undefined, programVersion(import.meta.url));
  const request = { ...o, device: o.device ?? 'auto', precision: o.precision ?? 'auto' };
  return models.lazily(request, async () => {
    const evaluator = await open();
    unawaited(models.remember(request, evaluator.info), () => undefined);
    return evaluator;
  });
}

/**
 * Opens model and store, runs, and closes both.
 * @returns the exit code; 130 when interrupted, at any point
 */
export async function withSession(
  o: CommonOptions,
  run: (session: Session) => Promise<number>,
  { say, loading }: SessionTold = linesTold(o.quiet ?? false),
): Promise<number> {
  const { signal } = onInterrupt();
  let evaluator: Evaluator | undefined;
  let store: ScoreStore | undefined;
  // A reader's process takes half a second to start: meanwhile store and model are opened.
  warmReader();
  try {
    store = await openStore(o.store, say);
    evaluator = await openWhenNeeded(o, { say, loading }, signal, store);
    const { modelName, executionProvider, precision } = evaluator.info;
    say(`Model ${modelName} (${executionProvider}, ${precision})`);
    return await run({ evaluator, store, signal, say });
  } catch (error) {
    if (signal.aborted) return interrupted('What was scored is kept', say);
    if (!(error instanceof ModelChanged)) throw error;
    throw new ModelChanged(
      `${error.message}: its files have the sizes and times that they had, and not the content. Run the command again.`,
    );
  } finally {
    await store?.close();
    await evaluator?.close();
  }
}

/** The store, or undefined (with a warning) where it cannot be had: an audit works without. */
async function openStore(
  wanted: boolean,
  warn: (line: string) => void,
): Promise<ScoreStore | undefined> {
  if (!wanted) return undefined;
  try {
    return await ScoreStore.open({ onWarning: warn });
  } catch (error) {
    warn(`No score store: ${messageOf(error)}. Scores of this run are not kept.`);
    return undefined;
  }
}
