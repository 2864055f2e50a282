import { problemFinding, type ProblemFinding } from '../audit/index.js';
import type { Container } from '../datasets/index.js';
import type { DatasetRow } from '../datasets/types.js';
import type { TextSpot } from '../protocol.js';
import { LineEntries, RecordEntries, type Entries } from './entries.js';
import { Ledger, placeOf, slotsOf, type Slot } from './ledger.js';
import type { LineChange, LineDocument } from './line-document.js';
import { LiveAudit, newEpoch, type AuditEvents, type AuditSettings } from './live-audit.js';
import { Debounced, isAbort, manyListeners, Pacer, reason } from './pace.js';
import { contains, spotAt, type RowEntry } from './row-entry.js';
import type { ScoreService } from './score-service.js';
import { measureOptions } from './settings.js';
import type { ServerSettings } from '../protocol.js';

/** Rows with the evaluator at once, besides those on screen: enough for full batches. */
const WINDOW = 128;
const ON_SCREEN = 10;
const TYPING_MS = 250;

export interface OpenAuditContext {
  readonly service: () => Promise<ScoreService>;
  readonly settings: () => ServerSettings;
}

const keyOfSlots = (slots: readonly Slot[]): string =>
  slots.map((s) => `${s.kind} ${s.hash.toString('hex', 0, 8)} ${s.label}`).join();

/** The audit of a text that is open in the editor: rows on screen first, then all; edits cost their rows. */
export class OpenAudit extends LiveAudit {
  readonly entries: Entries;
  private service: ScoreService | undefined;
  /** The entry of each response, by number. */
  private owners: (RowEntry | undefined)[] = [];
  private backlog: RowEntry[] = [];
  private taken = 0;
  private flying = 0;
  private waitingRows = 0;
  private visible: readonly { from: number; to: number }[] = [{ from: 0, to: 60 }];
  /** Entries that an edit took out; their scores serve equal rows that the next sweep finds. */
  private retired: RowEntry[] = [];
  private readonly reusable = new Map<string, RowEntry[]>();
  private stop = manyListeners();
  private active: Promise<void> | undefined;
  private idle: (() => void) | undefined;
  private readonly typing: Debounced;

  constructor(
    readonly document: LineDocument,
    readonly container: Container,
    private readonly name: string,
    private readonly context: OpenAuditContext,
    events: AuditEvents,
    settings: AuditSettings,
  ) {
    super(document.uri, events, settings);
    this.entries =
      container === 'jsonl'
        ? new LineEntries(document)
        : new RecordEntries(document, container, name);
    this.typing = new Debounced(
      async () => {
        // A run that is under way looks at the edit now, not when the whole file is scored.
        if (this.active !== undefined) this.idle?.();
        else await this.run().catch(() => undefined);
      },
      (error) => this.failed(error),
    );
  }

  run(signal?: AbortSignal): Promise<void> {
    const cancel = () => this.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    this.active ??= this.work().finally(() => (this.active = undefined));
    return this.active.finally(() => signal?.removeEventListener('abort', cancel));
  }

  private async work(): Promise<void> {
    if (this.stop.signal.aborted) this.stop = manyListeners();
    const { signal } = this.stop;
    this.state = 'running';
    this.error = undefined;
    this.touched();
    try {
      this.service = await this.context.service();
      this.renew(this.service);
      for (;;) {
        const { version } = this.document;
        await this.recycle(signal);
        this.prioritise();
        await this.sweep(signal);
        this.fill();
        await this.drained(signal);
        if (version === this.document.version) break;
      }
      this.state = 'done';
    } catch (error) {
      if (isAbort(error)) this.state = 'cancelled';
      else this.failed(error);
      throw error;
    } finally {
      this.touched(0);
    }
  }

  private failed(error: unknown): void {
    this.state = 'failed';
    this.error = reason(error);
    this.events.log(`${this.uri}: ${this.error}`);
    this.events.changed(this);
  }

  /** A new model, or another reading of distributions: all numbers begin anew. */
  private renew(service: ScoreService): void {
    const options = measureOptions(this.context.settings(), service.info.spec.attributes);
    const { ledger } = this;
    const same =
      ledger?.info.modelHash === service.info.modelHash &&
      JSON.stringify(ledger.options) === JSON.stringify(options) &&
      // After very many edits most numbers belong to text that is gone.
      ledger.table.length < 2 * ledger.live + 20_000;
    if (same) return;
    if (this.ledger !== undefined) this.epoch = newEpoch();
    this.ledger = new Ledger(service.info, options);
    this.findings = undefined;
    this.owners = [];
    this.retired = [];
    this.reusable.clear();
    for (const entry of this.entries.all()) {
      entry.ids = [];
      if (entry.state !== 'bad') entry.state = 'read';
    }
  }

  /** Begins again where settings or the model changed. */
  restart(): void {
    this.cancel();
    void (this.active ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => this.run())
      .catch(() => undefined);
  }

  /** Makes the scores of rows that an edit took out ready for equal rows. */
  private async recycle(signal: AbortSignal): Promise<void> {
    const pacer = new Pacer();
    for (const entry of this.retired.splice(0)) {
      if (entry.ids.length === 0) continue;
      const key = this.keyOf(entry);
      this.reusable.set(key, [...(this.reusable.get(key) ?? []), entry]);
      await pacer.tick(signal);
    }
  }

  private async sweep(signal: AbortSignal): Promise<void> {
    const { version } = this.document;
    this.backlog = [];
    this.taken = 0;
    this.waitingRows = 0;
    for await (const entry of this.entries.sweep(signal)) {
      this.admit(entry);
      if (entry.state !== 'missing') continue;
      this.backlog.push(entry);
      this.waitingRows++;
      this.fill();
    }
    if (this.container !== 'jsonl' && version !== this.document.version) return;
    // Rows that came back have their scores; the others are gone for good.
    for (const left of this.reusable.values())
      for (const entry of left) this.ledger?.remove(entry.ids);
    this.reusable.clear();
    this.touched();
  }

  private keyOf(entry: RowEntry): string {
    const { table } = this.ledger as Ledger;
    return entry.ids.map((id) => `${table.kindOf(id)} ${table.hash(id)} ${table.label(id)}`).join();
  }

  /** Numbers an entry's responses and takes the scores that are known. */
  private admit(entry: RowEntry): Slot[] | undefined {
    const { ledger, service } = this;
    if (entry.state !== 'read' || ledger === undefined || service === undefined) return undefined;
    const row = this.entries.data(entry);
    if (row === undefined) return undefined;
    const slots = slotsOf(row);
    const candidates = this.reusable.get(keyOfSlots(slots));
    const old = candidates?.at(-1);
    if (old?.ids.every((id) => ledger.table.scored(id)) && this.still(old, slots)) {
      candidates?.pop();
      entry.ids = old.ids;
      entry.state = 'done';
    } else entry.ids = ledger.add(entry.row, slots);
    for (const id of entry.ids) this.owners[id] = entry;
    if (entry.state === 'done') return slots;
    const known = slots.map(({ hash }) => service.known(hash));
    if (known.every((score) => score !== undefined)) {
      const results = known.map((score) => ({ ok: true as const, score }));
      ledger.settle(
        entry.ids,
        results,
        known.map(() => true),
      );
      this.rate.add(entry.ids.length);
      entry.state = 'done';
      this.touched();
    } else entry.state = 'missing';
    return slots;
  }

  /** May an old row's numbers stand for these? Places inside the line are part of them. */
  private still(old: RowEntry, slots: readonly Slot[]): boolean {
    if (this.container !== 'jsonl') return true;
    return old.ids.every((id, n) => {
      const [a, b] = [this.ledger?.table.place(id), slots[n]?.place];
      return a?.column === b?.column && a?.endColumn === b?.endColumn;
    });
  }

  private fill(): void {
    while (this.flying < WINDOW && this.taken < this.backlog.length) {
      const entry = this.backlog[this.taken++] as RowEntry;
      this.waitingRows--;
      if (!entry.dead && entry.state === 'missing') void this.evaluate(entry, 0);
    }
    if (this.flying === 0 && this.taken >= this.backlog.length) this.idle?.();
  }

  private async evaluate(entry: RowEntry, priority: number): Promise<void> {
    const { service, ledger } = this;
    const row = this.entries.data(entry);
    if (service === undefined || ledger === undefined || row === undefined) return;
    const slots = slotsOf(row);
    entry.state = 'flying';
    this.flying++;
    const { signal } = this.stop;
    try {
      const known = slots.map(({ hash }) => service.known(hash) !== undefined);
      const results = await service.score(row, slots, { priority, signal });
      if (entry.dead || ledger !== this.ledger) return;
      ledger.settle(entry.ids, results, known);
      this.rate.add(results.length);
      entry.state = 'done';
    } catch (error) {
      if (isAbort(error)) entry.state = 'missing';
      else if (!entry.dead && ledger === this.ledger) {
        const failed = { ok: false as const, error: reason(error) };
        ledger.settle(
          entry.ids,
          slots.map(() => failed),
          [],
        );
        entry.state = 'done';
      }
    } finally {
      this.flying--;
      this.touched();
      this.fill();
    }
  }

  private drained(signal: AbortSignal): Promise<void> {
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

  /** Rows on screen go to the evaluator now, before all others. */
  setVisible(ranges: readonly { from: number; to: number }[]): void {
    this.visible = ranges;
    if (this.active !== undefined) this.prioritise();
  }

  get visibleRanges() {
    return this.visible;
  }

  private prioritise(): void {
    if (this.service === undefined || this.stop.signal.aborted) return;
    for (const { from, to } of this.visible)
      for (const entry of this.entries.within(from, Math.min(to, from + 400))) {
        this.admit(entry);
        if (entry.state === 'missing') void this.evaluate(entry, ON_SCREEN);
      }
  }

  /** Scores the rows that touch the lines, and no others. @throws AbortError, or the engine's error */
  async runLines(ranges: readonly { from: number; to: number }[], signal?: AbortSignal) {
    this.service = await this.context.service();
    this.renew(this.service);
    if (this.stop.signal.aborted) this.stop = manyListeners();
    if (this.container !== 'jsonl' && this.entries.count().unread > 0)
      for await (const entry of this.entries.sweep(this.stop.signal)) this.admit(entry);
    const jobs: Promise<void>[] = [];
    const pacer = new Pacer();
    for (const { from, to } of ranges)
      for (let line = from; line <= to && line < this.document.lines.length; line++) {
        await pacer.tick(signal);
        for (const entry of this.entries.within(line, line)) {
          this.admit(entry);
          if (entry.state === 'missing') jobs.push(this.evaluate(entry, ON_SCREEN));
        }
      }
    await Promise.all(jobs);
    signal?.throwIfAborted();
    if (this.state === 'waiting') this.state = 'done';
    this.touched(0);
  }

  edited(changes: readonly LineChange[]): void {
    for (const change of changes)
      for (const entry of this.entries.edit(change)) {
        entry.dead = true;
        this.retired.push(entry);
      }
    if (this.state === 'waiting' || this.state === 'cancelled' || this.state === 'failed') return;
    this.typing.request(TYPING_MS, true);
  }

  cancel(): void {
    this.stop.abort(new DOMException('The audit was cancelled', 'AbortError'));
  }

  override dispose(): void {
    this.typing.stop();
    super.dispose();
  }

  protected override refresh(): void {
    for (const entry of this.entries.all())
      for (const id of entry.ids) this.ledger?.table.row.set(id, entry.row);
  }

  /** The document as a reader's source. */
  source() {
    const { document, name } = this;
    async function* stream() {
      yield* document.chunks();
    }
    return { stream: stream(), name };
  }

  entryOf(response: number): RowEntry | undefined {
    return this.owners[response];
  }

  spot(response: number): TextSpot {
    const entry = this.owners[response];
    const table = this.ledger?.table;
    if (entry === undefined || table === undefined)
      return { line: 0, column: 0, endLine: 0, endColumn: 0 };
    const place =
      entry.data === undefined
        ? table.place(response)
        : placeOf(entry.data, table.conversation.get(response), table.target.get(response));
    return spotAt(place, this.entries.shift(entry));
  }

  row(response: number): Promise<DatasetRow | undefined> {
    const entry = this.owners[response];
    return Promise.resolve(entry && !entry.dead ? this.entries.data(entry) : undefined);
  }

  rowNumber(response: number): number {
    return this.owners[response]?.row ?? 0;
  }

  locate(line: number, column: number): number | undefined {
    const ids = this.entries.at(line)?.ids ?? [];
    return ids.find((id) => contains(this.spot(id), line, column)) ?? ids[0];
  }

  *problems(): Generator<ProblemFinding> {
    for (const problem of this.entries.loose) yield problemFinding(0, problem);
    for (const entry of this.entries.all())
      for (const problem of entry.problems) {
        const spot = spotAt(problem.place, this.entries.shift(entry));
        yield problemFinding(0, {
          ...problem,
          index: entry.row,
          place: { ...problem.place, ...spot },
        });
      }
  }

  problemCount(): number {
    let count = this.entries.loose.length;
    for (const entry of this.entries.all()) count += entry.problems.length;
    return count;
  }

  progress() {
    const { rows, unread } = this.entries.count();
    const total = rows + unread;
    const left = unread + this.waitingRows + this.flying;
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
