import type { DatasetRow } from '../../datasets/types.js';
import type { Ledger } from '../../audit/index.js';
import type { Flight, RowEntry } from './row-entry.js';
import type { ScoreService } from '../../session/score-service.js';
import { isAbort, messageOf, ModelChanged } from '../../errors.js';
import { slotsOf } from '../../session/slots.js';

/** Rows with the evaluator at once, besides those on screen: enough for full batches. */
const WINDOW = 128;

export interface FlightHost {
  readonly service: ScoreService | undefined;
  readonly ledger: Ledger | undefined;
  readonly signal: AbortSignal;
  /** The row's texts as they are now. */
  data(entry: RowEntry): DatasetRow | undefined;
  /** Results of so many responses came. */
  landed(responses: number): void;
  /** What should not happen. */
  failed(error: unknown): void;
}

/** Rows on their way to the evaluator and back: those asked for now, and a backlog in file order. */
export class Flights {
  private backlog: RowEntry[] = [];
  private taken = 0;
  private flying = 0;
  private idle: (() => void) | undefined;

  constructor(private readonly host: FlightHost) {}

  /** Rows that wait or are being scored. */
  get left(): number {
    return this.backlog.length - this.taken + this.flying;
  }

  /** Forgets the backlog; what flies goes on. */
  clear(): void {
    this.backlog = [];
    this.taken = 0;
  }

  add(entry: RowEntry): void {
    this.backlog.push(entry);
    this.fill();
  }

  /** Sends what waits for the model. */
  resume(): void {
    this.fill();
  }

  private fill(): void {
    if (this.host.signal.aborted) return;
    const ready = this.host.service?.evaluator.ready === true;
    while (ready && this.flying < WINDOW && this.taken < this.backlog.length) {
      const entry = this.backlog[this.taken++] as RowEntry;
      if (!entry.dead && entry.state === 'missing') this.send(entry, 0).catch(this.host.failed);
    }
    if (this.flying === 0 && this.taken >= this.backlog.length) this.idle?.();
  }

  /** Scores a row's responses and writes them into the ledger; never rejects. */
  async send(entry: RowEntry, priority: number): Promise<void> {
    const { service, ledger, signal } = this.host;
    const row = this.host.data(entry);
    if (service === undefined || ledger === undefined || row === undefined) return;
    const slots = slotsOf(row);
    const flight = entry.takeOff();
    this.flying++;
    try {
      this.settle(entry, flight, ledger, await service.score(row, slots, { priority, signal }));
    } catch (error) {
      if (isAbort(error) || error instanceof ModelChanged) entry.turnBack(flight);
      else {
        const result = { ok: false as const, error: messageOf(error) };
        const failed = slots.map(() => ({ result, fromStore: false }));
        this.settle(entry, flight, ledger, failed);
      }
    } finally {
      this.flying--;
      this.host.landed(slots.length);
      this.fill();
    }
  }

  private settle(
    entry: RowEntry,
    flight: Flight,
    ledger: Ledger,
    targets: Parameters<Ledger['settle']>[1],
  ): void {
    if (entry.dead || ledger !== this.host.ledger || !entry.land(flight)) return;
    ledger.settle(entry.ids, targets);
  }

  /** Resolves when nothing waits or flies, or when `wake` is called. @throws AbortError */
  drained(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason as Error);
      if (signal.aborted) return abort();
      signal.addEventListener('abort', abort, { once: true });
      this.idle = () => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      this.fill();
    });
  }

  wake(): void {
    this.idle?.();
  }
}
