import { unlessAborted } from './lazy-evaluator.js';
import type { ScoreService } from '../score-service.js';

/** The model as one audit uses it: stored scores at once, the evaluator once a row lacks its score. */
export class ModelGate {
  service: ScoreService | undefined;
  private loading: Promise<unknown> | undefined;

  /** @param opened what waited can be sent */
  constructor(
    private readonly next: () => Promise<ScoreService>,
    private readonly opened: () => void,
  ) {}

  get ready(): boolean {
    return this.service?.evaluator.ready === true;
  }

  /** The service of now. @throws Error in plain words when the model cannot be used */
  async enter(): Promise<ScoreService> {
    const service = await this.next();
    if (service !== this.service) this.loading = undefined;
    return (this.service = service);
  }

  /** Begins to load the model, unless it is there or on its way. */
  load(): void {
    const { service } = this;
    if (service === undefined || service.evaluator.stale) return;
    if (this.ready || this.loading !== undefined) return;
    const loading = service.evaluator.load();
    this.loading = loading;
    const done = () => {
      if (this.loading === loading) this.loading = undefined;
    };
    loading.then(() => {
      done();
      if (service === this.service) this.opened();
    }, done);
  }

  /**
   * Waits for the model where it is needed.
   * @returns false when it turned out to be another one: then everything begins anew
   * @throws Error when it cannot be loaded; AbortError
   */
  async passed(needed: boolean, signal?: AbortSignal): Promise<boolean> {
    const { service } = this;
    if (needed) this.load();
    try {
      await unlessAborted(this.loading ?? Promise.resolve(), signal);
    } catch (error) {
      if (service?.evaluator.stale !== true || signal?.aborted === true) throw error;
    }
    return service?.evaluator.stale !== true;
  }
}
