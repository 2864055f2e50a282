import { messageOf, unawaited } from '../errors.js';
import type { ChildProcess } from 'node:child_process';
import { PROVIDERS, type Provider } from '../protocol/index.js';
import { identityOf } from './identity.js';
import type { FromEvaluator, ToEvaluator } from './process/messages.js';
import { streamInOrder } from './stream.js';
import { abortError, start, type ClientOptions } from './process/starting.js';
import { lastWords } from './process/worker-process.js';
import type {
  Evaluator,
  EvaluatorInfo,
  GroupResult,
  ScoreGroup,
  ScoreOptions,
  TaggedGroups,
  TargetResult,
} from './types.js';

export type { ClientOptions };

/** Deaths without one result in between, after which the evaluator gives up. */
const MAX_DEATHS = 3;

/** Who scores: a model that is opened here, or engines that serve it. */
export interface EvaluatorOptions extends Partial<ClientOptions> {
  /** URLs of engines that serve the model, or its backbone; they share the work. Absent: it is opened here. */
  readonly endpoints?: readonly string[];
}

/** Is a model named by the URL of whoever serves it? */
export const isUrl = (text: string | undefined): text is string =>
  text !== undefined && /^https?:\/\//i.test(text);

interface Pending {
  readonly group: ScoreGroup;
  readonly priority: number;
  readonly resolve: (result: GroupResult) => void;
  readonly reject: (error: Error) => void;
  /** How many processes died while it was under way. */
  deaths: number;
}

/**
 * The evaluator as a process of its own. When it dies (out of memory, killed) it is begun anew and what
 * was under way is scored again; a group that was there at two deaths is answered with an error.
 */
export class EvaluatorClient implements Evaluator {
  readonly #pending = new Map<number, Pending>();
  #next = 1;
  #deaths = 0;
  #closed = false;
  /** Why nothing can be scored any more. */
  #broken: string | undefined;
  #child: ChildProcess;
  /** The process that is ended to be begun anew, since it holds too much memory. */
  #renewed: ChildProcess | undefined;
  /** What scores now: another device than `info` tells, when that one failed. */
  #now: EvaluatorInfo;
  #avoid: readonly Provider[] = [];

  private constructor(
    private readonly options: ClientOptions,
    child: ChildProcess,
    readonly info: EvaluatorInfo,
  ) {
    this.#child = child;
    this.#now = info;
    for (const note of info.notes ?? []) options.onNotice?.(note);
    this.#listen(child);
  }

  /** @throws Error when the model or the device cannot be used; AbortError */
  static async open(options: ClientOptions): Promise<EvaluatorClient> {
    const { child, info } = await start(options);
    return new EvaluatorClient(options, child, info);
  }

  /** Process id, for diagnosis. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  score(group: ScoreGroup, options: ScoreOptions = {}): Promise<GroupResult> {
    const { signal, priority = 0 } = options;
    return new Promise((resolve, reject) => {
      if (this.#broken) return reject(new Error(this.#broken));
      if (signal?.aborted) return reject(abortError(signal));
      const id = this.#next++;
      const abort = (): void => {
        if (!this.#pending.delete(id)) return;
        this.#send({ type: 'cancel', id });
        reject(abortError(signal));
      };
      const done = (): void => signal?.removeEventListener('abort', abort);
      signal?.addEventListener('abort', abort, { once: true });
      this.#pending.set(id, {
        group,
        priority,
        deaths: 0,
        resolve: (result) => (done(), resolve(result)),
        reject: (error) => (done(), reject(error)),
      });
      this.#send({ type: 'score', id, group, priority });
    });
  }

  scoreStream<T>(
    groups: TaggedGroups<T>,
    options: ScoreOptions = {},
  ): AsyncGenerator<{ tag: T; result: GroupResult }> {
    return streamInOrder((group, o) => this.score(group, o), groups, options);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#fail('the evaluator is closed');
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      this.#send({ type: 'close' });
      // It may be inside a long run, which cannot be interrupted.
      setTimeout(() => child.kill('SIGKILL'), 1000).unref();
    });
  }

  #send(message: ToEvaluator): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #listen(child: ChildProcess): void {
    child.on('message', (message: FromEvaluator) => {
      if (message.type === 'notice') this.options.onNotice?.(message.message);
      if (message.type === 'grown') {
        this.#renewed = child;
        child.kill('SIGKILL');
      }
      if (message.type !== 'result') return;
      this.#deaths = 0;
      const pending = this.#pending.get(message.id);
      this.#pending.delete(message.id);
      pending?.resolve({ ...owned(message.result), ...this.#scoredBy() });
    });
    child.once('exit', (code, signal) => {
      if (this.#closed) return;
      const anew =
        this.#renewed === child
          ? this.#begin('the evaluator was to be begun anew', { silent: true })
          : this.#restart(`the evaluator process ended (${signal ?? code})${lastWords(child)}`);
      unawaited(anew, (error) => this.#fail(messageOf(error)));
    });
    // Without this, the process of a caller that forgot to close could never end; pending work holds it.
    child.channel?.ref();
  }

  async #restart(reason: string): Promise<void> {
    this.options.onRestart?.(reason);
    const leaves = this.#leavesDevice();
    for (const [id, pending] of this.#pending) {
      pending.deaths = leaves ? 0 : pending.deaths + 1;
      if (pending.deaths < 2) continue;
      this.#pending.delete(id);
      pending.resolve(allFailed(pending.group, `${reason} twice while scoring this`));
    }
    this.#deaths = leaves ? 0 : this.#deaths + 1;
    if (this.#deaths > MAX_DEATHS) return this.#fail(`${reason} again and again`);
    await this.#begin(reason);
  }

  /** Begins another process, and gives it all that is under way. */
  async #begin(reason: string, { silent = false } = {}): Promise<void> {
    const { onProgress, ...rest } = this.options;
    const options = silent || onProgress === undefined ? rest : { ...rest, onProgress };
    try {
      const { child, info } = await start({ ...options, avoid: this.#avoid });
      if (this.#closed) return void child.kill();
      this.#now = info;
      // On another device the same model has another precision, and is known by what it scores then.
      if (this.#avoid.length === 0 && identityOf(info) !== identityOf(this.info)) {
        child.kill();
        return this.#fail('the model changed on disk: open the evaluator anew');
      }
      this.#child = child;
      this.#listen(child);
      for (const [id, { group, priority }] of this.#pending) {
        this.#send({ type: 'score', id, group, priority });
      }
    } catch (error) {
      this.#fail(`${reason} and cannot be begun anew: ${messageOf(error)}`);
    }
  }

  /** The second death on a GPU that nobody asked for by name: the next device takes over. */
  #leavesDevice(): boolean {
    const { executionProvider } = this.#now;
    const provider = PROVIDERS.find((name) => name === executionProvider);
    if (this.options.device !== 'auto' || provider === undefined || provider === 'cpu')
      return false;
    if (this.#deaths < 1) return false;
    this.#avoid = [...this.#avoid, provider];
    this.options.onNotice?.(
      `${provider} failed twice and is left: the rest is scored on another device, whose numbers differ by rounding`,
    );
    return true;
  }

  /** Of scores by another device than the evaluator was opened on. */
  #scoredBy(): { scoredBy?: string } {
    const by = identityOf(this.#now);
    return by === identityOf(this.info) ? {} : { scoredBy: by };
  }

  #fail(reason: string): void {
    this.#broken = reason;
    for (const pending of this.#pending.values()) pending.reject(new Error(reason));
    this.#pending.clear();
  }
}

/**
 * The result in memory of its own: what comes over the channel are views of the chunk it was read in,
 * which each score that is kept would hold.
 */
function owned({ results }: GroupResult): GroupResult {
  const copy = (result: TargetResult): TargetResult => {
    if (!result.ok) return result;
    const { attributeQuantiles, gate, quantiles } = result.score;
    const arrays = {
      attributeQuantiles: attributeQuantiles.slice(),
      gate: gate.slice(),
      quantiles: quantiles.slice(),
    };
    return { ok: true, score: { ...result.score, ...arrays } };
  };
  return { results: results.map((targets) => targets.map(copy)) };
}

function allFailed(group: ScoreGroup, error: string): GroupResult {
  return { results: group.conversations.map((c) => c.targets.map(() => ({ ok: false, error }))) };
}
