import { open } from 'node:fs/promises';
import { Ledger, type LedgerOptions, type ProblemFinding } from '../../audit/index.js';
import { scoreRows } from '../../session/score-rows.js';
import { parseRow, type FieldMapping } from '../../datasets/index.js';
import { countedFile, readDataset, readWritten, warmReader } from '../../datasets/process/index.js';
import type { DatasetEvent, DatasetRow } from '../../datasets/types.js';
import type { TextSpot } from '../../protocol/index.js';
import { knownAsk, KnownRows } from '../../session/known/rows.js';
import { DiskRun } from './disk-run.js';
import { LiveAudit, newEpoch, type AuditEvents, type AuditSettings } from '../live-audit.js';
import { Job } from '../job.js';
import { paced, Pacer } from '../../pace.js';
import { contains, spotAt } from '../spots.js';
import type { ScoreService } from '../../session/score-service.js';
import { isAbort, messageOf } from '../../errors.js';
import { slotsOf } from '../../session/slots.js';

/** While a file is read, its findings so far come so many ms apart at least: nobody edits it meanwhile. */
const FINDING_MS = 200;

/** The audit of a file on disk: closed, too large for the editor, compressed, or Parquet. No text is kept. */
export class DiskAudit extends LiveAudit {
  /** The setting that the file was read with. */
  given: FieldMapping | undefined;
  /** The run that the numbers are of: while the next one waits for its model and its file, still the last one. */
  private last: DiskRun | undefined;
  private readonly job = new Job((signal) => this.work(signal));

  constructor(
    uri: string,
    readonly path: string,
    private readonly context: {
      readonly service: () => Promise<ScoreService>;
      readonly measures: (attributes: readonly string[]) => LedgerOptions;
      /** The setting of the file's folder. */
      readonly mapping: (uri: string) => Promise<FieldMapping | undefined>;
    },
    events: AuditEvents,
    settings: AuditSettings,
  ) {
    super(uri, events, settings);
  }

  run(signal?: AbortSignal): Promise<void> {
    return this.job.run(signal);
  }

  /** Reads the file from its beginning, once what runs has ended. @throws as `run` */
  async again(): Promise<void> {
    this.cancel();
    await this.job.ended();
    if (!this.disposed) await this.run();
  }

  /** How its rows are read, by whoever reads them. */
  get reading(): { mapping?: FieldMapping } {
    const { mapping } = this.last?.file ?? {};
    return mapping === undefined ? {} : { mapping };
  }

  cancel(): void {
    this.job.cancel();
  }

  private async work(signal: AbortSignal): Promise<void> {
    this.state = 'running';
    this.error = undefined;
    this.touched();
    // A reader's process takes half a second to start: meanwhile the model is opened.
    warmReader();
    try {
      while (!(await this.readWith(await this.context.service(), signal)));
      this.state = 'done';
    } catch (error) {
      this.state = isAbort(error) ? 'cancelled' : 'failed';
      if (this.state === 'failed') this.error = messageOf(error);
      throw error;
    } finally {
      if (this.last !== undefined) this.last.over = true;
      this.completed();
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
    const run = new DiskRun(await countedFile(this.path, this.given));
    const options = this.context.measures(service.info.spec.attributes);
    const ledger = new Ledger(service.info, options);
    if (this.ledger !== undefined) this.epoch = newEpoch();
    this.ledger = ledger;
    this.findings = undefined;
    this.last = run;
    // Sketches are of texts.
    const ask = options.sketches
      ? undefined
      : knownAsk(service.info, service.store, ledger.options);
    const events = paced(readWritten(run.file.source, { ...this.reading, signal }, ask), signal);
    // Hundreds of rows that waited for one to be scored come at once.
    const pacer = new Pacer();
    for await (const event of scoreRows(events, { service, signal })) {
      await pacer.tick(signal);
      if (event.type === 'problem') {
        run.problem(event.problem);
        this.touched(FINDING_MS, Infinity);
        continue;
      }
      if (event.type === 'written') {
        const rows = new KnownRows(event, ledger.table.levels.length);
        this.rate.add(ledger.addKnown(rows));
        rows.each((row, start, end) => run.row(row, { start, end }));
        this.touched(FINDING_MS, Infinity);
        continue;
      }
      const { row, targets } = event;
      const ids = ledger.add(row.index, targets);
      ledger.settle(ids, targets);
      run.row(row.index, row.place);
      this.rate.add(ids.length);
      if ((run.rows & 63) === 0) this.touched(FINDING_MS, Infinity);
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
    const known = this.last?.recent.get(index);
    if (known !== undefined) return known;
    const row = this.direct() ? await this.readBytes(response) : await this.scan(index);
    if (row === undefined) return undefined;
    // The bytes are read from the disk as it is now: another text is no text of this response.
    const { conversation, target } = this.ledger?.table ?? {};
    const slot = slotsOf(row).find(
      (s) => s.conversation === conversation?.get(response) && s.target === target?.get(response),
    );
    if (slot?.hash.toString('hex', 0, 8) !== this.ledger?.table.hash(response)) return undefined;
    this.last?.keep(index, row);
    return row;
  }

  /** One reading for all of them where rows are found only from the file's beginning. */
  override async prepare(responses: readonly number[]): Promise<void> {
    if (this.direct()) return;
    const wanted = new Set(responses.map((id) => this.rowNumber(id)));
    for (const known of this.last?.recent.keys() ?? []) wanted.delete(known);
    if (wanted.size === 0) return;
    const start = { row: Math.min(...wanted) };
    for await (const event of paced(readDataset({ path: this.path }, { ...this.reading, start }))) {
      if (event.type !== 'row' || !wanted.delete(event.row.index)) continue;
      this.last?.keep(event.row.index, event.row);
      if (wanted.size === 0) return;
    }
  }

  override get cheapRows(): boolean {
    return this.direct();
  }

  private direct(): boolean {
    const { container, compression, log } = this.last?.file.format ?? {};
    if (log !== undefined) return false;
    return (container === 'jsonl' || container === 'json') && compression === 'none';
  }

  private async readBytes(response: number): Promise<DatasetRow | undefined> {
    const index = this.rowNumber(response);
    const { last } = this;
    if (last === undefined) return undefined;
    const { start, bytes } = last.span(index);
    const buffer = Buffer.alloc(bytes);
    const file = await open(this.path, 'r').catch(() => undefined);
    if (file === undefined) return undefined;
    try {
      await file.read(buffer, 0, buffer.length, start);
    } finally {
      await file.close();
    }
    return rowOf(parseRow(buffer, 0, start, last.file.mapping, index));
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
    return this.last?.found ?? [];
  }

  problemCount(): number {
    return (this.last?.found.length ?? 0) + this.moreProblems();
  }

  override moreProblems(): number {
    return this.last?.more ?? 0;
  }

  *inOrder(): Generator<number> {
    const n = this.ledger?.table.length ?? 0;
    for (let id = 0; id < n; id++) yield id;
  }

  progress() {
    // A run that has its numbers still to come: the last one's share says nothing of it.
    if (this.last === undefined || (this.last.over && this.state === 'running'))
      return { rows: 0, fraction: null, secondsLeft: null };
    return this.last.progress(this.state === 'done');
  }
}

const rowOf = (events: readonly DatasetEvent[]): DatasetRow | undefined =>
  events.flatMap((e) => (e.type === 'row' ? [e.row] : []))[0];
