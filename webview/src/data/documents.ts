import type {
  AuditSummary,
  ColumnBatch,
  FindingBatch,
} from '../../../server/src/protocol/index.js';
import { StreamHistogram } from './histogram.js';
import { MEASURES, Responses, type MeasureName } from './responses.js';

/** The findings of one document in columns, in the order of the server. */
class FindingList {
  length = 0;
  response = new Uint32Array(0);
  code = new Uint8Array(0);
  severity = new Uint8Array(0);
  /** Findings that the server announced; more than `length` while pages arrive. */
  total = 0;

  /** @returns whether the batch belonged at the end of what is here. */
  append(batch: FindingBatch): boolean {
    if (batch.from !== this.length) return false;
    const size = this.length + batch.response.length;
    if (size > this.response.length) {
      const room = Math.max(size, Math.min(batch.total, size * 2));
      this.response = copied(new Uint32Array(room), this.response);
      this.code = copied(new Uint8Array(room), this.code);
      this.severity = copied(new Uint8Array(room), this.severity);
    }
    this.response.set(batch.response, this.length);
    this.code.set(batch.code, this.length);
    this.severity.set(batch.severity, this.length);
    this.length = size;
    this.total = batch.total;
    return true;
  }
}

function copied<T extends Uint32Array | Uint8Array>(to: T, from: T): T {
  to.set(from);
  return to;
}

/** Whether the model gives distributions: of one number a response (K = 1) there is no tail and no shape. */
export const hasDistribution = ({ model }: Pick<AuditSummary, 'model'>): boolean =>
  model === undefined || model.levels.length !== 1;

/** What the page knows of one audited file. Numbers of another epoch are never mixed in. */
export class Document {
  responses: Responses;
  histograms: Record<MeasureName, StreamHistogram>;
  findings = new FindingList();
  /** A newer list of which pages are still to come: it replaces the old one as a whole. */
  private coming: FindingList | undefined;
  /** Grows with every change that a chart or the table shows. */
  version = 0;

  constructor(
    public summary: AuditSummary,
    readonly name: string,
  ) {
    [this.responses, this.histograms] = fresh();
  }

  setSummary(summary: AuditSummary): void {
    if (summary.epoch !== this.summary.epoch) this.reset();
    this.summary = summary;
  }

  /** @returns whether the batch was of this document and epoch. */
  addColumns(batch: ColumnBatch): boolean {
    if (batch.uri !== this.summary.uri || !this.follow(batch.epoch)) return false;
    this.responses.apply(batch);
    this.version++;
    return true;
  }

  addFindings(batch: FindingBatch): boolean {
    if (batch.uri !== this.summary.uri || !this.follow(batch.epoch)) return false;
    if (batch.from === 0) this.coming = new FindingList();
    const list = this.coming;
    if (!list?.append(batch)) return false;
    const complete = list.length >= batch.total || batch.response.length === 0;
    // The first list shows page by page; a later one must not shrink the table while it comes.
    if (complete || this.findings.length === 0) this.findings = list;
    if (complete) this.coming = undefined;
    this.version++;
    return true;
  }

  /** Data of a later epoch may come before its summary: it starts the epoch. Older data is dropped. */
  private follow(epoch: number): boolean {
    if (epoch > this.summary.epoch) {
      this.reset();
      this.summary = { ...this.summary, epoch };
    }
    return epoch === this.summary.epoch;
  }

  private reset(): void {
    [this.responses, this.histograms] = fresh();
    this.findings = new FindingList();
    this.coming = undefined;
    this.version++;
  }
}

function fresh(): [Responses, Record<MeasureName, StreamHistogram>] {
  const histograms = Object.fromEntries(MEASURES.map((m) => [m, new StreamHistogram()])) as Record<
    MeasureName,
    StreamHistogram
  >;
  const responses = new Responses((measure, before, after) => {
    histograms[measure].remove(before);
    histograms[measure].add(after);
  });
  return [responses, histograms];
}
