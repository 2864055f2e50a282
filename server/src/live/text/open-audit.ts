import type { Container, FieldMapping } from '../../datasets/index.js';
import { warmReader } from '../../datasets/process/index.js';
import { Flights, type FlightHost } from './flights.js';
import { Ledger, type LedgerOptions } from '../../audit/index.js';
import type { LineChange, LineDocument } from './line-document.js';
import { newEpoch, type AuditEvents, type AuditSettings } from '../live-audit.js';
import { ModelGate } from '../../session/model/model-gate.js';
import { Job } from '../job.js';
import { Pacer } from '../../pace.js';
import { Debounced } from '../debounced.js';
import type { RowEntry } from './row-entry.js';
import { renumbered } from './renumber.js';
import { RowReuse } from './row-reuse.js';
import type { ScoreService } from '../../session/score-service.js';
import { TextAudit } from './text-audit.js';
import { isAbort, messageOf } from '../../errors.js';
import { slotsOf } from '../../session/slots.js';

const ON_SCREEN = 10;
const TYPING_MS = 250;

export interface OpenAuditContext {
  readonly service: () => Promise<ScoreService>;
  /** How distributions are read, for a model with these attributes. */
  readonly measures: (attributes: readonly string[]) => LedgerOptions;
}

/** The audit of a text that is open in the editor: rows on screen first, then all; edits cost their rows. */
export class OpenAudit extends TextAudit {
  private readonly model: ModelGate;
  private visible: readonly { from: number; to: number }[] = [{ from: 0, to: 60 }];
  private readonly reuse: RowReuse;
  private readonly flights: Flights;
  private readonly job = new Job((signal) => this.work(signal));
  private readonly typing: Debounced;
  /** The text that the run under way reads, or that the last one read. */
  private covered = -1;
  private markRead: () => void = () => undefined;
  /** Resolves when all rows were read once, or the first attempt ended without. */
  readonly rowsRead = new Promise<void>((resolve) => (this.markRead = resolve));

  constructor(
    document: LineDocument,
    container: Container,
    name: string,
    private readonly context: OpenAuditContext,
    events: AuditEvents,
    settings: AuditSettings,
    mapping?: FieldMapping,
  ) {
    super(document, container, name, events, settings, mapping);
    this.reuse = new RowReuse(container !== 'jsonl');
    this.flights = new Flights(this.flightHost());
    this.model = new ModelGate(context.service, () => {
      this.prioritise();
      this.flights.resume();
    });
    this.typing = new Debounced(
      async () => {
        // A run has seen the edit already: an answer that was given for it stands.
        if (this.state === 'cancelled' || this.covered === this.document.revision) return;
        // A run that is under way looks at the edit now, not when the whole file is scored.
        if (this.job.active) this.flights.wake();
        else await this.run().catch(() => undefined);
      },
      (error) => this.failed(error),
    );
  }

  private flightHost(): FlightHost {
    const self = (): OpenAudit => this;
    return {
      get service() {
        return self().model.service;
      },
      get ledger() {
        return self().ledger;
      },
      get signal() {
        return self().job.signal;
      },
      data: (entry) => this.entries.data(entry),
      failed: (error) => this.failed(error),
      landed: (responses) => {
        this.rate.add(responses);
        this.touched();
      },
    };
  }

  run(signal?: AbortSignal): Promise<void> {
    return this.job.run(signal);
  }

  private async work(signal: AbortSignal): Promise<void> {
    this.state = 'running';
    this.error = undefined;
    this.touched();
    if (this.container !== 'jsonl') warmReader();
    try {
      for (;;) {
        const service = await this.model.enter();
        const { revision } = this.document;
        this.covered = revision;
        await this.reuse.sort(this.renew(service), signal);
        this.prioritise();
        await this.sweep(signal);
        this.markRead();
        if (!(await this.model.passed(this.flights.left > 0, signal))) continue;
        await this.flights.drained(signal);
        if (revision !== this.document.revision || service.evaluator.stale) continue;
        await this.compact(revision, signal);
        if (revision === this.document.revision) break;
      }
      this.state = 'done';
    } catch (error) {
      this.covered = -1;
      if (isAbort(error)) this.state = 'cancelled';
      else this.failed(error);
      throw error;
    } finally {
      this.markRead();
      this.touched(0);
    }
  }

  private failed(error: unknown): void {
    this.state = 'failed';
    this.error = messageOf(error);
    this.events.log(`${this.uri}: ${this.error}`);
    this.events.changed(this);
  }

  /** A new model, or another reading of distributions: all numbers begin anew. */
  private renew(service: ScoreService): Ledger {
    const options = this.context.measures(service.info.spec.attributes);
    const { ledger } = this;
    const same =
      ledger?.fits(service.info, options) === true &&
      // After very many edits most numbers belong to text that is gone.
      ledger.table.length < 2 * ledger.live + 20_000;
    if (ledger !== undefined && same) return ledger;
    if (ledger !== undefined) this.epoch = newEpoch();
    const fresh = new Ledger(service.info, options);
    this.ledger = fresh;
    this.findings = undefined;
    this.owners = [];
    this.reuse.clear();
    for (const entry of this.entries.all()) {
      entry.beginAnew();
    }
    return fresh;
  }

  /** Lets go of the numbers of text that is gone, where they are many. */
  private async compact(revision: number, signal: AbortSignal): Promise<void> {
    const { ledger } = this;
    const fresh = ledger && (await renumbered(ledger, this.entries.all(), signal));
    if (fresh === undefined || revision !== this.document.revision || ledger !== this.ledger)
      return;
    this.epoch = newEpoch();
    this.ledger = fresh.ledger;
    this.findings = undefined;
    this.owners = fresh.apply();
  }

  /** Begins again where settings or the model changed. */
  restart(): void {
    this.cancel();
    this.job
      .ended()
      .then(() => (this.disposed ? undefined : this.run()))
      .catch(() => undefined);
  }

  private async sweep(signal: AbortSignal): Promise<void> {
    const { revision } = this.document;
    this.flights.clear();
    for await (const entry of this.entries.sweep(signal)) {
      this.admit(entry);
      if (entry.state !== 'missing') continue;
      this.model.load();
      this.flights.add(entry);
    }
    if (this.container !== 'jsonl' && revision !== this.document.revision) return;
    // Rows that came back have their scores; the others are gone for good.
    if (this.ledger !== undefined)
      for (const id of this.reuse.drop(this.ledger)) this.owners[id] = undefined;
    this.touched();
  }

  /** Numbers an entry's responses and takes the scores that are known. */
  private admit(entry: RowEntry): void {
    const { ledger } = this;
    const { service } = this.model;
    if (entry.state !== 'read' || ledger === undefined || service === undefined) return;
    const row = this.entries.data(entry);
    if (row === undefined) return;
    const slots = slotsOf(row);
    const old = this.reuse.take(ledger, slots);
    const known = old === undefined ? slots.map(({ hash }) => service.known(hash)) : [];
    const scored = known.every((score) => score !== undefined);
    entry.number(old ?? ledger.add(entry.row, slots), scored);
    for (const id of entry.ids) this.owners[id] = entry;
    if (old !== undefined) return;
    if (scored) {
      ledger.settle(
        entry.ids,
        known.map((score) => ({ result: { ok: true, score }, fromStore: true })),
      );
      this.rate.add(entry.ids.length);
      this.touched();
    } else this.model.load();
  }

  /** Rows on screen go to the evaluator now, before all others. */
  setVisible(ranges: readonly { from: number; to: number }[]): void {
    this.visible = ranges;
    if (this.job.active) this.prioritise();
  }

  get visibleRanges() {
    return this.visible;
  }

  private prioritise(): void {
    if (this.model.service === undefined || this.job.signal.aborted) return;
    for (const { from, to } of this.visible)
      for (const entry of this.entries.within(from, Math.min(to, from + 400))) {
        this.admit(entry);
        if (entry.state === 'missing' && this.model.ready)
          this.flights.send(entry, ON_SCREEN).catch((error: unknown) => this.failed(error));
      }
  }

  /** Scores the rows that touch the lines, and no others. @throws AbortError, or the engine's error */
  async runLines(
    ranges: readonly { from: number; to: number }[],
    signal?: AbortSignal,
  ): Promise<void> {
    const service = await this.model.enter();
    this.renew(service);
    const stop = this.job.ready();
    while (this.container !== 'jsonl' && this.entries.count().unread > 0)
      for await (const entry of this.entries.sweep(stop)) this.admit(entry);
    const missing: RowEntry[] = [];
    const pacer = new Pacer();
    for (const { from, to } of ranges)
      for (let line = from; line <= to && line < this.document.lines.length; line++) {
        await pacer.tick(signal);
        for (const entry of this.entries.within(line, line)) {
          this.admit(entry);
          if (entry.state === 'missing') missing.push(entry);
        }
      }
    if (!(await this.model.passed(missing.length > 0, signal)))
      return this.runLines(ranges, signal);
    const unsent = missing.filter((entry) => entry.state === 'missing');
    await Promise.all(unsent.map((entry) => this.flights.send(entry, ON_SCREEN)));
    signal?.throwIfAborted();
    if (this.state === 'waiting') this.state = 'done';
    this.touched(0);
  }

  edited(changes: readonly LineChange[]): void {
    for (const change of changes)
      for (const entry of this.entries.edit(change)) this.reuse.retire(entry);
    if (this.state === 'waiting' || this.state === 'cancelled' || this.state === 'failed') return;
    this.model.load();
    this.typing.request(TYPING_MS, true);
  }

  cancel(): void {
    this.job.cancel();
  }

  override dispose(): void {
    this.typing.stop();
    super.dispose();
  }

  progress() {
    const { rows, unread } = this.entries.count();
    const total = rows + unread;
    const left = unread + this.flights.left;
    if (this.container !== 'jsonl' && unread > 0)
      return { rows, fraction: null, secondsLeft: null };
    const perRow = Math.max(1, (this.ledger?.live ?? 0) / Math.max(rows, 1));
    const speed = this.rate.perSecond() / perRow;
    return {
      rows,
      fraction: total === 0 ? 1 : 1 - left / total,
      secondsLeft: left === 0 ? 0 : speed > 0 ? left / speed : null,
    };
  }
}
