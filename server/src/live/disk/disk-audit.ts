import { open } from 'node:fs/promises';
import { Column } from '../../audit/columns.js';
import { Ledger, problemFinding, type ProblemFinding } from '../../audit/index.js';
import { scoreRows } from '../../session/score-rows.js';
import { parseRow, type DatasetFormat, type FieldMapping } from '../../datasets/index.js';
import { readDataset } from '../../datasets/process/index.js';
import type { DatasetEvent, DatasetRow } from '../../datasets/types.js';
import type { ServerSettings, TextSpot } from '../../protocol/index.js';
import { countedFile, type CountedFile } from './byte-count.js';
import { LiveAudit, newEpoch, type AuditEvents, type AuditSettings } from '../live-audit.js';
import { manyListeners, paced, Pacer } from '../pace.js';
import { contains, spotAt } from '../text/row-entry.js';
import type { ScoreService } from '../../session/score-service.js';
import { cancelled, isAbort, messageOf } from '../../errors.js';
import { measureOptions } from '../measure-options.js';
import { slotsOf } from '../../session/slots.js';

const MAX_PROBLEMS = 10_000;
const RECENT_ROWS = 512;

/** The audit of a file on disk: closed, too large for the editor, compressed, or Parquet. No text is kept. */
export class DiskAudit extends LiveAudit {
  format: DatasetFormat | undefined;
  /** The setting that the file was read with. */
  given: FieldMapping | undefined;
  private found: ProblemFinding[] = [];
  /** Problems beyond MAX_PROBLEMS: counted, not kept. */
  private more = 0;
  private file: CountedFile | undefined;
  /** Where each row stands, by its ordinal. */
  private readonly rowStart = new Column(Float64Array);
  private readonly rowBytes = new Column(Uint32Array);
  private readonly recent = new Map<number, DatasetRow>();
  private rows = 0;
  private end = 0;
  private began = 0;
  private stop = manyListeners();
  private active: Promise<void> | undefined;

  constructor(
    uri: string,
    readonly path: string,
    private readonly context: {
      readonly service: () => Promise<ScoreService>;
      readonly settings: () => ServerSettings;
      /** The setting of the file's folder. */
      readonly mapping: (uri: string) => Promise<FieldMapping | undefined>;
    },
    events: AuditEvents,
    settings: AuditSettings,
  ) {
    super(uri, events, settings);
  }

  run(signal?: AbortSignal): Promise<void> {
    const cancel = () => this.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    this.active ??= this.work().finally(() => (this.active = undefined));
    return this.active.finally(() => signal?.removeEventListener('abort', cancel));
  }

  /** Reads the file from its beginning, once what runs has ended. @throws as `run` */
  async again(): Promise<void> {
    this.cancel();
    await this.active?.catch(() => undefined);
    if (!this.disposed) await this.run();
  }

  /** How its rows are read, by whoever reads them. */
  get reading(): { mapping?: FieldMapping } {
    const { mapping } = this.file ?? {};
    return mapping === undefined ? {} : { mapping };
  }

  cancel(): void {
    this.stop.abort(cancelled('The audit was cancelled'));
  }

  private async work(): Promise<void> {
    this.stop = manyListeners();
    const { signal } = this.stop;
    this.state = 'running';
    this.error = undefined;
    this.touched();
    try {
      while (!(await this.readWith(await this.context.service(), signal)));
      this.state = 'done';
    } catch (error) {
      this.state = isAbort(error) ? 'cancelled' : 'failed';
      if (this.state === 'failed') this.error = messageOf(error);
      throw error;
    } finally {
      this.touched(0);
    }
  }

  /** False when the model turned out to be another one: then from the beginning. */
  private async readWith(service: ScoreService, signal: AbortSignal): Promise<boolean> {
    try {
      await this.read(service, signal);
      return true;
    } catch (error) {
      if (service.evaluator.stale && !signal.aborted) return false;
      throw error;
    }
  }

  private async read(service: ScoreService, signal: AbortSignal): Promise<void> {
    this.given = await this.context.mapping(this.uri);
    this.file = await countedFile(this.path, this.given);
    this.format = this.file.format;
    const options = measureOptions(this.context.settings(), service.info.spec.attributes);
    const ledger = new Ledger(service.info, options);
    if (this.ledger !== undefined) this.epoch = newEpoch();
    this.ledger = ledger;
    this.findings = undefined;
    this.found = [];
    this.more = 0;
    this.recent.clear();
    this.rows = 0;
    this.began = performance.now();
    const events = paced(readDataset(this.file.source, { ...this.reading, signal }), signal);
    // Hundreds of rows that waited for one to be scored come at once.
    const pacer = new Pacer();
    for await (const event of scoreRows(events, { service, signal })) {
      await pacer.tick(signal);
      if (event.type === 'problem') {
        if (this.found.length < MAX_PROBLEMS) this.found.push(problemFinding(0, event.problem));
        else this.more++;
        this.touched();
        continue;
      }
      const { row, targets } = event;
      const ids = ledger.add(row.index, targets);
      this.rowStart.set(row.index, row.place.start);
      this.rowBytes.set(row.index, row.place.end - row.place.start);
      ledger.settle(ids, targets);
      this.rows++;
      this.end = row.place.end;
      this.rate.add(ids.length);
      if ((this.rows & 63) === 0) this.touched();
    }
  }

  spot(response: number): TextSpot {
    const place = this.ledger?.table.place(response);
    return place === undefined
      ? { line: 0, column: 0, endLine: 0, endColumn: 0 }
      : spotAt(place, 0);
  }

  rowNumber(response: number): number {
    return this.ledger?.table.row.get(response) ?? 0;
  }

  /** Reads the row again: by its bytes where a row stands for itself, else from the file's beginning. */
  async row(response: number): Promise<DatasetRow | undefined> {
    const index = this.rowNumber(response);
    const known = this.recent.get(index);
    if (known !== undefined) return known;
    const row = this.direct() ? await this.readBytes(response) : await this.scan(index);
    if (row === undefined) return undefined;
    // The bytes are read from the disk as it is now: another text is no text of this response.
    const { conversation, target } = this.ledger?.table ?? {};
    const slot = slotsOf(row).find(
      (s) => s.conversation === conversation?.get(response) && s.target === target?.get(response),
    );
    if (slot?.hash.toString('hex', 0, 8) !== this.ledger?.table.hash(response)) return undefined;
    this.keep(index, row);
    return row;
  }

  /** One reading for all of them where rows are found only from the file's beginning. */
  override async prepare(responses: readonly number[]): Promise<void> {
    if (this.direct()) return;
    const wanted = new Set(responses.map((id) => this.rowNumber(id)));
    for (const known of this.recent.keys()) wanted.delete(known);
    if (wanted.size === 0) return;
    const start = { row: Math.min(...wanted) };
    for await (const event of paced(readDataset({ path: this.path }, { ...this.reading, start }))) {
      if (event.type !== 'row' || !wanted.delete(event.row.index)) continue;
      this.keep(event.row.index, event.row);
      if (wanted.size === 0) return;
    }
  }

  private keep(index: number, row: DatasetRow): void {
    this.recent.set(index, row);
    if (this.recent.size <= RECENT_ROWS) return;
    for (const oldest of this.recent.keys()) {
      this.recent.delete(oldest);
      break;
    }
  }

  override get cheapRows(): boolean {
    return this.direct();
  }

  private direct(): boolean {
    const json = this.format?.container === 'jsonl' || this.format?.container === 'json';
    return json && this.format?.compression === 'none';
  }

  private async readBytes(response: number): Promise<DatasetRow | undefined> {
    const index = this.rowNumber(response);
    const start = this.rowStart.get(index);
    const buffer = Buffer.alloc(this.rowBytes.get(index));
    const file = await open(this.path, 'r').catch(() => undefined);
    if (file === undefined) return undefined;
    try {
      await file.read(buffer, 0, buffer.length, start);
    } finally {
      await file.close();
    }
    return rowOf(parseRow(buffer, 0, start, this.file?.mapping, index));
  }

  private async scan(index: number): Promise<DatasetRow | undefined> {
    const events = readDataset({ path: this.path }, { ...this.reading, start: { row: index } });
    for await (const event of paced(events)) {
      if (event.type === 'row' && event.row.index >= index)
        return event.row.index === index ? event.row : undefined;
    }
    return undefined;
  }

  locate(line: number, column: number): number | undefined {
    const { table } = this.ledger ?? {};
    let low = 0;
    let high = table?.length ?? 0;
    // Responses are numbered in the file's order.
    while (low < high) {
      const mid = (low + high) >> 1;
      if (this.spot(mid).endLine < line) low = mid + 1;
      else high = mid;
    }
    let near: number | undefined;
    for (let id = low; id < (table?.length ?? 0) && this.spot(id).line <= line; id++) {
      if (contains(this.spot(id), line, column)) return id;
      near ??= id;
    }
    return near;
  }

  problems(): Iterable<ProblemFinding> {
    return this.found;
  }

  problemCount(): number {
    return this.found.length + this.more;
  }

  override moreProblems(): number {
    return this.more;
  }

  *inOrder(): Generator<number> {
    const n = this.ledger?.table.length ?? 0;
    for (let id = 0; id < n; id++) yield id;
  }

  progress() {
    const fraction =
      this.state === 'done' ? 1 : (this.file?.fraction(this.end, this.rows - 1) ?? null);
    const spent = (performance.now() - this.began) / 1000;
    const secondsLeft =
      fraction === null || fraction <= 0 ? null : (spent / fraction) * (1 - fraction);
    return { rows: this.rows, fraction, secondsLeft };
  }
}

const rowOf = (events: readonly DatasetEvent[]): DatasetRow | undefined =>
  events.flatMap((e) => (e.type === 'row' ? [e.row] : []))[0];
