import { identityOf, openEvaluator } from '../../engine/index.js';
import type { Evaluator, EvaluatorInfo } from '../../engine/types.js';
import type { Device, Precision, StatusParams } from '../../protocol/index.js';
import { ScoreStore } from '../../store/index.js';
import { KnownModels } from './known-models.js';
import { LazyEvaluator } from './lazy-evaluator.js';
import { ScoreService } from '../score-service.js';
import { FileError, isAbort, messageOf, unawaited } from '../../errors.js';
import { modelInfo } from './model-info.js';

/** Which model scores, and how it is run. */
interface Wanted {
  /** As `locateModel` takes it; absent: the embedded one. */
  readonly model?: string;
  /** Engines at URLs, where they score; what they serve is not known before they are asked. */
  readonly endpoints?: readonly string[];
  readonly device: Device;
  readonly precision: 'auto' | Precision;
  readonly threads?: number;
  /** GB. */
  readonly gpuMemory?: number;
}

export interface EngineSettings extends Wanted {
  /** Are scores kept, and those of other runs used? */
  readonly store: boolean;
}

export interface EngineHostOptions {
  readonly settings: () => EngineSettings;
  /** False: only the embedded model is ever loaded. */
  readonly trusted: boolean;
  readonly storeFolder: string | undefined;
  /** Of the program. */
  readonly version: string;
  readonly onStatus: () => void;
  readonly log: (message: string) => void;
}

/**
 * The one evaluator of the server, anew when the settings ask for another. A model that was opened
 * before serves stored scores at once, and is loaded when something is to score.
 */
export class EngineHost {
  private opening: Promise<ScoreService> | undefined;
  private key = '';
  private store: ScoreStore | undefined;
  private storeOpening: Promise<void> | undefined;
  private loading: string | undefined;
  private error: string | undefined;
  private stop = new AbortController();
  private readonly models: KnownModels;
  /** The service, once it is there. */
  current: ScoreService | undefined;

  constructor(private readonly options: EngineHostOptions) {
    this.models = new KnownModels(options.storeFolder, options.version);
  }

  /** False in an untrusted workspace. */
  get trusted(): boolean {
    return this.options.trusted;
  }

  /** @throws Error in plain words when the model or the device cannot be used */
  service(): Promise<ScoreService> {
    const { store, model, endpoints, ...how } = this.options.settings();
    // Texts go to no address, and no model is opened, that an untrusted folder names.
    const wanted: Wanted = this.options.trusted
      ? { ...how, ...(model !== undefined && { model }), ...(endpoints && { endpoints }) }
      : how;
    const key = JSON.stringify([wanted, store]);
    if (key !== this.key) this.letGo();
    this.key = key;
    return (this.opening ??= this.open(wanted));
  }

  private async open(options: Wanted): Promise<ScoreService> {
    const { signal } = (this.stop = new AbortController());
    const store = await this.openStore();
    const open = async (expected?: string): Promise<Evaluator> => {
      signal.throwIfAborted();
      return this.load(options, signal, expected);
    };
    try {
      const evaluator =
        store !== undefined && options.endpoints === undefined
          ? await this.models.lazily(options, open)
          : LazyEvaluator.of(await open());
      signal.throwIfAborted();
      return this.begin(evaluator);
    } catch (error) {
      if (!signal.aborted) this.opening = undefined;
      throw error;
    }
  }

  private begin(evaluator: LazyEvaluator): ScoreService {
    this.current = new ScoreService(evaluator, this.wantedStore(), this.options.onStatus);
    this.options.onStatus();
    return this.current;
  }

  /** @param expected another identity than this one takes the place of the service that expected it */
  private async load(options: Wanted, signal: AbortSignal, expected?: string): Promise<Evaluator> {
    this.error = undefined;
    this.say('Loading the model');
    try {
      const opened = await openEvaluator({
        ...options,
        signal,
        background: true,
        onProgress: ({ message, fraction }) =>
          this.say(
            fraction === undefined ? message : `${message} (${Math.round(100 * fraction)} %)`,
          ),
        onNotice: this.options.log,
        onRestart: (why) =>
          this.options.log(
            options.endpoints ? why : `${why}; it is begun anew, nothing scored is lost`,
          ),
      });
      signal.throwIfAborted();
      const { modelName, executionProvider, precision } = opened.info;
      this.options.log(`model ${modelName} on ${executionProvider}, ${precision}`);
      if (options.endpoints === undefined) this.remember(options, opened.info);
      const evaluator = this.watch(opened);
      if (expected !== undefined && expected !== identityOf(opened.info))
        this.opening = Promise.resolve(this.begin(LazyEvaluator.of(evaluator)));
      return evaluator;
    } catch (error) {
      if (!signal.aborted) {
        this.error = messageOf(error);
        this.options.log(`the model cannot be loaded: ${this.error}`);
      }
      throw error;
    } finally {
      if (!signal.aborted) this.loading = undefined;
      this.options.onStatus();
    }
  }

  private remember(options: Wanted, info: EvaluatorInfo): void {
    unawaited(this.models.remember(options, info), (error) =>
      this.options.log(`the model is not remembered: ${messageOf(error)}`),
    );
  }

  /** An evaluator that gave up is replaced by the next that asks. */
  private watch(evaluator: Evaluator): Evaluator {
    const failed = (error: unknown): never => {
      // A file that cannot be read ends a stream, but not the evaluator.
      if (
        !isAbort(error) &&
        !(error instanceof FileError) &&
        this.current !== undefined &&
        identityOf(this.current.info) === identityOf(evaluator.info)
      ) {
        this.options.log(`the evaluator failed: ${messageOf(error)}`);
        this.error = messageOf(error);
        this.letGo();
        this.options.onStatus();
      }
      throw error;
    };
    return {
      info: evaluator.info,
      score: (group, o) => evaluator.score(group, o).catch(failed),
      async *scoreStream(groups, o) {
        try {
          yield* evaluator.scoreStream(groups, o);
        } catch (error) {
          failed(error);
        }
      },
      close: () => evaluator.close(),
    };
  }

  /** Tried once; then the same store, or none. */
  private async openStore(): Promise<ScoreStore | undefined> {
    if (!this.options.settings().store) return undefined;
    const { storeFolder: folder, log } = this.options;
    this.storeOpening ??= ScoreStore.open({ ...(folder && { folder }), onWarning: log }).then(
      (store) => void (this.store = store),
      (error: unknown) =>
        log(`no score store: ${messageOf(error)}; scores of this session are not kept`),
    );
    await this.storeOpening;
    return this.store;
  }

  private wantedStore(): ScoreStore | undefined {
    return this.options.settings().store ? this.store : undefined;
  }

  /** Removes every stored score; gives how many there were. */
  async clearScores(): Promise<number> {
    const store = await this.openStore();
    const entries = store?.stats().entries ?? 0;
    await store?.clear();
    this.current?.forget();
    return entries;
  }

  private say(message: string): void {
    this.loading = message;
    this.options.onStatus();
  }

  status(): StatusParams {
    const { current } = this;
    const queue = current?.queue ?? 0;
    const base = {
      queue,
      rate: current?.rate.perSecond() ?? 0,
      tokenRate: current?.tokens.perSecond() ?? 0,
      ...(current !== undefined && { model: modelInfo(current.info) }),
    };
    if (this.loading !== undefined) return { ...base, state: 'loading', message: this.loading };
    if (this.error !== undefined) return { ...base, state: 'error', message: this.error };
    return { ...base, state: queue > 0 ? 'scoring' : 'idle' };
  }

  /** `close` that nobody waits for. */
  private letGo(): void {
    this.close().catch((error: unknown) => this.options.log(`the evaluator: ${messageOf(error)}`));
  }

  /** Lets go of the evaluator; the next `service` opens one again. */
  async close(): Promise<void> {
    const { current } = this;
    this.stop.abort();
    this.loading = undefined;
    this.opening = undefined;
    this.current = undefined;
    await current?.evaluator.close();
  }

  async dispose(): Promise<void> {
    await this.close();
    await this.storeOpening;
    await this.store?.close();
  }
}
