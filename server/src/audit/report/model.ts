import type { Place } from '../../datasets/types.js';
import type { EvaluatorInfo } from '../../engine/types.js';
import { DEFAULT_CVAR_LEVEL, density, grid, support } from '../../qrm/index.js';
import type { Finding, ProblemFinding, ResponseFinding, Severity } from '../finding.js';
import type { Audit } from '../index.js';
import { limitsOfTable, type Limits } from '../limits.js';
import { RULES } from '../rules/index.js';
import { Excerpts } from './excerpts.js';
import { times, UNPACED, type Pace } from './pace.js';
import type { ReportedAudit } from './reported.js';
export type { ReportedAudit } from './reported.js';
import { countByCode, notesOn, summarize, thresholdsInWords, type Summary } from './summary.js';

/** Problems of rows that a report for people lists. */
const SHOWN_PROBLEMS = 200;

export interface ReportOptions {
  /** Responses of a ranking, riskiest first; 0 for a mere list of findings. */
  readonly top: number;
  readonly version: string;
  /** Share of the worst rewards that the audit's CVaR averages; default `DEFAULT_CVAR_LEVEL`. */
  readonly cvarLevel?: number;
  /** Rows of each file that were audited; default all. */
  readonly limit?: number;
  readonly pace?: Pace;
  /** Whether the user weighs the attributes. */
  readonly weighted?: boolean;
  /** What the user's own labels say of the threshold on the left tail, in sentences. */
  readonly calibrated?: (threshold: number) => readonly string[];
  /** What else to know before the figures, a sentence each. */
  readonly notes?: readonly string[];
  /** Of codes that something else than their threshold judges: what, in words. */
  readonly judgedOtherwise?: ReadonlyMap<string, string>;
}

/** A finding with the beginning of its response. */
export interface Listed {
  readonly finding: Finding;
  /** Absent for findings of no response. */
  readonly text?: string;
}

/** What every report is made from. What grows with the file is not kept but streamed. */
export interface Report {
  readonly audit: ReportedAudit;
  readonly info: EvaluatorInfo;
  /** The responses shown, riskiest (lowest tail) first, with their findings and texts. */
  readonly ranked: readonly number[];
  readonly byResponse: ReadonlyMap<number, readonly ResponseFinding[]>;
  readonly texts: ReadonlyMap<number, string>;
  /** The common axis of every drawing: from the lowest to the highest reward shown. */
  readonly axis: readonly [number, number];
  readonly summary: Summary;
  /** The first pieces that could not be read. */
  readonly problems: readonly ProblemFinding[];
  /** One for each code with a threshold. */
  readonly thresholdsInWords: readonly string[];
  /** What to know of the model before the figures. */
  readonly notes: readonly string[];
  readonly limits: Limits;
  /** Share of the worst rewards that CVaR averages. */
  readonly cvarLevel: number;
  readonly version: string;
  place(response: number): Place;
  row(response: number): number;
  /** Every finding, or those of a severity, in the order of the files; the files are read again alongside. */
  listed(severity?: Severity): AsyncGenerator<Listed>;
}

/** The `top` responses of lowest left tail, by a bounded selection: no sort of a million numbers. */
export async function riskiest(
  { table }: Pick<Audit, 'table'>,
  top: number,
  pace: Pace = UNPACED,
): Promise<number[]> {
  let best: number[] = [];
  const order = (a: number, b: number) => table.tail.get(a) - table.tail.get(b) || a - b;
  const add = (i: number) => {
    if (!table.scored(i)) return;
    best.push(i);
    if (best.length >= 2 * top + 1000) best = best.sort(order).slice(0, top);
  };
  if (top > 0) await times(table.length, add, pace);
  return best.sort(order).slice(0, top);
}

/** @throws AbortError when the pace is cancelled */
export async function makeReport(
  audit: ReportedAudit,
  info: EvaluatorInfo,
  options: ReportOptions,
): Promise<Report> {
  const { table } = audit;
  const { pace = UNPACED, limit, version, cvarLevel = DEFAULT_CVAR_LEVEL } = options;
  const place = (i: number) => audit.place?.(i) ?? table.place(i);
  const row = (i: number) => audit.row?.(i) ?? table.row.get(i);
  const excerpts = () => {
    const [file, conversation, target] = [table.file, table.conversation, table.target];
    const address = (i: number) => ({
      file: file.get(i),
      row: row(i),
      conversation: conversation.get(i),
      target: target.get(i),
    });
    return new Excerpts(audit.sources, address, limit);
  };
  const ranked = await riskiest(audit, options.top, pace);
  const byResponse = new Map<number, ResponseFinding[]>(ranked.map((i) => [i, []]));
  const problems: ProblemFinding[] = [];
  const counted = countByCode();
  const count = (finding: Finding): void => {
    counted.add(finding);
    if ('response' in finding) byResponse.get(finding.response)?.push(finding);
    else if (problems.length < SHOWN_PROBLEMS) problems.push(finding);
  };
  const findings = audit.findings();
  // As many as responses: a promise for each takes longer than to find it.
  if (Symbol.iterator in findings)
    for (const finding of findings) {
      count(finding);
      if (pace.due) await pace.tick();
    }
  else
    for await (const finding of findings) {
      count(finding);
      await pace.tick();
    }
  const { moreProblems, moreErrors = moreProblems } = audit;
  counted.addProblems('error', moreErrors);
  counted.addProblems('warning', moreProblems - moreErrors);
  const limits = audit.limits ?? limitsOfTable(RULES, table, audit.thresholds);
  const summary = await summarize(audit, counted.list(), pace);
  async function* listed(severity?: Severity): AsyncGenerator<Listed> {
    const texts = excerpts();
    try {
      for await (const finding of audit.findings()) {
        await pace.tick();
        if (severity !== undefined && finding.severity !== severity) continue;
        if (!('response' in finding)) yield { finding };
        else yield { finding, text: await texts.of(finding.response) };
      }
    } finally {
      await texts.close();
    }
  }
  return {
    audit,
    info,
    ranked,
    byResponse,
    texts: await excerpts().ofAll(ranked),
    axis: axisOf(table, ranked),
    summary,
    problems,
    thresholdsInWords: thresholdsInWords(audit, limits, summary, options.judgedOtherwise),
    notes: [
      ...notesOn(info, options.weighted ?? false),
      ...(options.notes ?? []),
      ...(options.calibrated?.(limits.get('low-left-tail')?.limit ?? Number.NaN) ?? []),
    ],
    limits,
    cvarLevel,
    version,
    place,
    row,
    listed,
  };
}

function axisOf(table: Audit['table'], shown: readonly number[]): readonly [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const i of shown) {
    const [from, to] = support(table.quantiles(i), table.levels);
    low = Math.min(low, from);
    high = Math.max(high, to);
  }
  return low < high ? [low, high] : [0, 1];
}

/** The smoothed density of a response in the middle of `bins` equal parts of the axis. */
export function drawn({ audit: { table }, axis }: Report, i: number, bins: number): Float64Array {
  const half = (axis[1] - axis[0]) / bins / 2;
  return density(table.quantiles(i), table.levels, grid(axis[0] + half, axis[1] - half, bins));
}
