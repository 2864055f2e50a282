import { warmReader } from '../datasets/process/index.js';
import type { Evaluator } from '../engine/types.js';
import { messageOf } from '../errors.js';
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
  // A reader's process takes half a second to start: meanwhile the model is loaded.
  warmReader();
  try {
    evaluator = await openModel(o, { say, loading }, signal);
    store = await openStore(o.store, say);
    const { modelName, executionProvider, precision } = evaluator.info;
    say(`Model ${modelName} (${executionProvider}, ${precision})`);
    return await run({ evaluator, store, signal, say });
  } catch (error) {
    if (!signal.aborted) throw error;
    return interrupted('What was scored is kept', say);
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
