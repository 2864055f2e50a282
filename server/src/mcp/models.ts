import { isAbort, ModelChanged, UsageError } from '../errors.js';
import type { McpOptions } from '../protocol/index.js';
import { EngineHost } from '../session/model/engine-host.js';
import type { ScoreService } from '../session/score-service.js';

/**
 * One model at a time, opened when the first call needs it. Calls of the same model run beside one another; one that
 * asks for another waits until those before it have ended.
 */
export class Models {
  private readonly host: EngineHost;
  private readonly listeners = new Set<(message: string) => void>();
  private current: string | undefined;
  private users = 0;
  private idle: (() => void) | undefined;
  private turn: Promise<void> = Promise.resolve();

  constructor(
    private readonly options: McpOptions,
    version: string,
    log: (message: string) => void,
  ) {
    this.host = new EngineHost({
      settings: () => ({
        model: this.current ?? options.model,
        endpoints: options.endpoint,
        device: options.device,
        precision: options.precision,
        threads: options.threads,
        store: options.store,
      }),
      // What the settings above name is the user's own, or what the user allowed.
      trusted: true,
      storeFolder: undefined,
      version,
      onStatus: () => {
        const { state, message } = this.host.status();
        if (state !== 'loading') return;
        for (const tell of this.listeners) tell(message ?? 'Loading the model');
      },
      log,
    });
  }

  /**
   * @param model that the call asks for; undefined: the server's own
   * @param tell what is done while the model is got ready
   * @throws UsageError where calls may name none; Error when it cannot be used; what `run` throws
   */
  async use<T>(
    model: string | undefined,
    signal: AbortSignal,
    tell: (message: string) => void,
    run: (service: ScoreService) => Promise<T>,
  ): Promise<T> {
    if (model !== undefined && !this.options.allowModels)
      throw new UsageError(
        `model ${model}: calls may not name a model; qrm mcp --allow-models lets them, qrm mcp --model sets one`,
      );
    const begun = this.turn.then(() => this.begin(model));
    this.turn = begun;
    await begun;
    this.listeners.add(tell);
    try {
      signal.throwIfAborted();
      try {
        return await run(await this.host.service());
      } catch (error) {
        // The model on disk is another one than was known of it: once more, with that.
        if (!(error instanceof ModelChanged) || isAbort(error)) throw error;
        return await run(await this.host.service());
      }
    } finally {
      this.listeners.delete(tell);
      if (--this.users === 0) this.idle?.();
    }
  }

  private async begin(model: string | undefined): Promise<void> {
    if (model !== this.current && this.users > 0)
      await new Promise<void>((resolve) => (this.idle = resolve));
    this.idle = undefined;
    this.current = model;
    this.users++;
  }

  close(): Promise<void> {
    return this.host.dispose();
  }
}
