import {
  Column,
  MINIMUM_SAMPLE,
  resolve,
  type Audit,
  type FindingCode,
  type ResponseFinding,
  type Severity,
  type Thresholds,
} from '../../audit/index.js';
import { ranks, topFigures, type TopFigure } from '../decide/keep-top.js';
import { rowsOf } from '../decide/rows.js';
import { deliberation } from './model.js';
import { Ruling, type Heard, type Judge } from './ruling.js';
import { stepped } from '../../pace.js';

/** More than the bits of what is kept of a finding. */
export const MOST_JUDGES = 32;

/** Hears one judge after the other, each by its audit of the same rows. 8 bytes a response are kept of each, and its findings. */
export class Panel {
  private readonly heard: Heard[] = [];
  private first: Audit | undefined;
  private shape = '';
  /** Of each code and response a bit for each judge that found it. */
  private readonly finders = new Map<FindingCode, Column>();
  private readonly severities = new Map<FindingCode, Severity>();

  /** @param by the figure that rows are ordered by, where any are */
  constructor(private readonly by?: { readonly by: TopFigure | undefined }) {}

  /** @throws Error where the files do not read as they did for the judges before */
  hear(judge: Judge, audit: Audit): void {
    const { table } = audit;
    const shape = shapeOf(audit);
    this.first ??= audit;
    if (this.heard.length > 0 && shape !== this.shape)
      throw new Error('a file was changed while the judges read it; run again');
    this.shape = shape;
    const own = 2 ** this.heard.length;
    const votes = new Float32Array(table.length);
    for (let i = 0; i < table.length; i++) votes[i] = table.beats.get(i);
    for (const finding of audit.findings()) {
      if (!('response' in finding)) continue;
      this.note(finding, own);
    }
    const top = this.by && topFigures(table, this.by.by);
    this.heard.push({ judge, votes, ...(top && { top: { ...top, values: ranks(top.values) } }) });
  }

  private note({ code, response, severity }: ResponseFinding, own: number): void {
    let finders = this.finders.get(code);
    if (finders === undefined) {
      finders = new Column(Uint32Array);
      this.finders.set(code, finders);
    }
    finders.set(response, (finders.get(response) || 0) + own);
    this.severities.set(code, severity);
  }

  /**
   * What the judges find together.
   * @param quorum judges that must agree on a finding
   * @throws AbortError when `signal` fires
   */
  async rule(quorum: number, thresholds: Thresholds, signal?: AbortSignal): Promise<Ruling> {
    const { first, heard } = this;
    if (first === undefined) throw new Error('no judge was heard');
    // Pairs alone, for the model of judges and labels.
    const pairs: number[] = [];
    for (let i = 0; i < first.table.length; i++)
      if (heard.some(({ votes }) => !Number.isNaN(votes[i]))) pairs.push(i);
    const votes = heard.map((h) => Float32Array.from(pairs, (i) => h.votes[i]!));
    const result = await stepped(deliberation(votes), signal);
    const { inverted } = thresholds;
    const { verdicts } = result;
    // P(the label is right) at which a pair is found inverted.
    const limit =
      inverted === undefined
        ? 0.5
        : resolve(inverted, verdicts.map((v) => 1 - v.mislabelled), MINIMUM_SAMPLE); // prettier-ignore
    return new Ruling({
      audit: first,
      heard,
      quorum,
      limit,
      pairs,
      result,
      finders: this.finders,
      severities: this.severities,
    });
  }
}

/** Whether two audits are of the same responses in the same order. */
function shapeOf({ table }: Audit): string {
  let [a, b] = [0, 0];
  for (const { file, row, ids } of rowsOf(table)) {
    for (const i of ids) {
      a = (Math.imul(a, 31) + table.hashHigh.get(i) + file) | 0;
      b = (Math.imul(b, 37) + table.hashLow.get(i) + row) | 0;
    }
  }
  return `${table.length} ${a} ${b}`;
}
