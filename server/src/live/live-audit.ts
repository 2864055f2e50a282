import type { Ignored } from '../audit/index.js';
import type { ProblemFinding, Thresholds } from '../audit/index.js';
import type { DatasetRow } from '../datasets/types.js';
import type { AuditState, AuditSummary, FindingCode, TextSpot } from '../protocol/index.js';
import { DEFAULT_CVAR_LEVEL, DEFAULT_LAMBDA, DEFAULT_TAU } from '../qrm/index.js';
import type { FilePlaces } from './text/file-places.js';
import { FindingSet } from './finding-set.js';
import type { Ledger } from '../audit/index.js';
import { Debounced } from './debounced.js';
import { Rate } from '../session/rate.js';
import { contains } from './spots.js';
import { isAbort, messageOf } from '../errors.js';
import { modelInfo } from '../session/model/model-info.js';

/** What an audit tells the rest of the server. */
export interface AuditEvents {
  /** Scores came, or the state changed. */
  changed(audit: LiveAudit): void;
  /** The findings are new. */
  found(audit: LiveAudit): void;
  log(message: string): void;
}

export interface AuditSettings {
  readonly thresholds: Thresholds;
  readonly ignored: Ignored;
}

let epochs = 0;
/** Never the same for two audits: a number from before a document was closed means nothing after. */
export const newEpoch = (): number => ++epochs;

/** An audit that goes on while its document is looked at: an open text, or a file on disk. */
export abstract class LiveAudit {
  ledger: Ledger | undefined;
  findings: FindingSet | undefined;
  state: AuditState = 'waiting';
  error: string | undefined;
  epoch = newEpoch();
  findingsRevision = 0;
  protected readonly rate = new Rate();
  private cost = 0;
  private readonly finder: Debounced;
  private over = false;
  /** The making of findings that is under way. */
  private finding = new AbortController();

  constructor(
    readonly uri: string,
    protected readonly events: AuditEvents,
    protected settings: AuditSettings,
  ) {
    this.finder = new Debounced(
      () => this.find(),
      (error) => isAbort(error) || events.log(`${uri}: findings: ${messageOf(error)}`),
    );
  }

  /** Where a response stands now: the first part where it is joined from several. */
  abstract spot(response: number): TextSpot;
  /** The part of a response at a position; undefined between parts and outside. */
  partAt(response: number, line: number, column: number): TextSpot | undefined {
    const spot = this.spot(response);
    return contains(spot, line, column) ? spot : undefined;
  }
  /** The row of a response with its texts; undefined when the file no longer has it. */
  abstract row(response: number): Promise<DatasetRow | undefined>;
  /** Is one row read again without reading the file from its beginning? */
  get cheapRows(): boolean {
    return true;
  }
  /** Makes the rows of these responses ready, where one by one would cost much. */
  prepare(_responses: readonly number[]): Promise<void> {
    return Promise.resolve();
  }
  /** The row's ordinal in its file. */
  abstract rowNumber(response: number): number;
  /** The response at a position of the text. */
  abstract locate(line: number, column: number): number | undefined;
  /** Pieces that could not be read, where they stand now. */
  abstract problems(): Iterable<ProblemFinding>;
  abstract problemCount(): number;
  /** Problems that are counted and not kept. */
  moreProblems(): number {
    return 0;
  }
  /** For reports. @param _tick lets messages in; throws when the text changed */
  filePlaces(_tick: () => Promise<void>): Promise<FilePlaces> {
    return Promise.resolve({
      of: (id) => ({ ...(this.ledger as Ledger).table.place(id), ...this.spot(id) }),
      problems: () => this.problems(),
    });
  }
  /** The responses' numbers, in the order of the text. */
  abstract inOrder(): Iterable<number>;
  /** Another one after every change of the text or of what the numbers mean. */
  stamp(): string {
    return String(this.epoch);
  }
  /** Rows known so far; share done in [0, 1] and seconds left, null when the total is not known. */
  abstract progress(): { rows: number; fraction: number | null; secondsLeft: number | null };
  /** Begins or goes on; resolves when all is scored. @throws AbortError, or the engine's error */
  abstract run(signal?: AbortSignal): Promise<void>;
  abstract cancel(): void;

  /** Called before findings are made: line and row numbers brought up to date. */
  protected refresh(): void {}

  get thresholds(): Thresholds {
    return this.settings.thresholds;
  }

  /** New thresholds or ignored findings: the numbers stay. */
  configure(settings: AuditSettings): void {
    this.settings = settings;
    this.touched(0);
  }

  /**
   * Numbers changed: new findings soon, but never more than a tenth of the time spent on them.
   * @param most ms that they may take to come, whatever they cost
   */
  protected touched(delay = 200, most = 10_000): void {
    this.events.changed(this);
    this.finder.request(Math.max(delay, Math.min(this.cost * 10, most)));
  }

  /** The numbers are whole: findings of them at once, and none of those that are made of fewer. */
  protected completed(): void {
    this.events.changed(this);
    this.finding.abort();
    this.finder.request(0, true);
  }

  private async find(): Promise<void> {
    const began = performance.now();
    this.refresh();
    const { ledger } = this;
    const { thresholds, ignored } = this.settings;
    this.finding = new AbortController();
    const { signal } = this.finding;
    const found =
      ledger && (await FindingSet.of(ledger, this.inOrder(), thresholds, ignored, signal));
    if (ledger !== this.ledger) return this.finder.request(0);
    this.findings = found;
    this.findingsRevision++;
    this.cost = performance.now() - began;
    this.events.found(this);
  }

  /** Resolves when the findings are those of the numbers. */
  async settled(): Promise<void> {
    await this.finder.settled();
  }

  /** Nothing is to begin any more. */
  get disposed(): boolean {
    return this.over;
  }

  dispose(): void {
    this.over = true;
    this.cancel();
    this.finder.stop();
    this.finding.abort();
  }

  summary(): AuditSummary {
    const { ledger } = this;
    const { rows, fraction, secondsLeft } = this.progress();
    const counts: Record<FindingCode, number> = {};
    for (const [code, n] of this.findings?.counts ?? []) counts[code] = n;
    const malformed = this.problemCount();
    if (malformed > 0) counts['malformed-row'] = malformed;
    return {
      uri: this.uri,
      state: this.state,
      ...(this.error === undefined ? {} : { error: this.error }),
      epoch: this.epoch,
      revision: ledger?.revision ?? 0,
      findingsRevision: this.findingsRevision,
      rows,
      responses: ledger?.table.length ?? 0,
      live: ledger?.live ?? 0,
      scored: ledger?.scored ?? 0,
      fromStore: ledger?.fromStore ?? 0,
      rate: this.rate.perSecond(),
      secondsLeft,
      fraction,
      counts,
      thresholds: this.findings?.thresholds ?? [],
      tau: ledger?.options.tau ?? DEFAULT_TAU,
      lambda: ledger?.options.lambda ?? DEFAULT_LAMBDA,
      cvarLevel: ledger?.options.cvarLevel ?? DEFAULT_CVAR_LEVEL,
      ...(ledger === undefined ? {} : { model: modelInfo(ledger.info) }),
    };
  }
}
