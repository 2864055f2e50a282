import type { EvaluatorInfo } from '../../engine/types.js';
import { density, grid, support } from '../../qrm/index.js';
import type { Finding, ResponseFinding } from '../finding.js';
import type { Audit } from '../index.js';
import { readTexts } from '../texts.js';
import { summarize, thresholdsInWords, type Summary } from './summary.js';

/** What every report is made from. Responses are listed riskiest (lowest tail) first. */
export interface Report {
  readonly audit: Audit;
  readonly info: EvaluatorInfo;
  readonly findings: readonly Finding[];
  readonly byResponse: ReadonlyMap<number, readonly ResponseFinding[]>;
  /** The responses shown, riskiest first. */
  readonly ranked: readonly number[];
  readonly texts: ReadonlyMap<number, string>;
  /** The common axis of every drawing: from the lowest to the highest reward shown. */
  readonly axis: readonly [number, number];
  readonly summary: Summary;
  /** One for each code with a threshold. */
  readonly thresholdsInWords: readonly string[];
  readonly version: string;
}

/** The `top` responses of lowest left tail, by a bounded selection: no sort of a million numbers. */
export function riskiest(audit: Audit, top: number): number[] {
  const { table } = audit;
  let best: number[] = [];
  const order = (a: number, b: number) => table.tail.get(a) - table.tail.get(b) || a - b;
  for (let i = 0; i < table.length; i++) {
    if (!table.scored(i)) continue;
    best.push(i);
    if (best.length >= 2 * top + 1000) best = best.sort(order).slice(0, top);
  }
  return best.sort(order).slice(0, top);
}

export async function makeReport(
  audit: Audit,
  info: EvaluatorInfo,
  options: { top: number; texts: 'shown' | 'all'; limit?: number; version: string },
): Promise<Report> {
  const { table } = audit;
  const findings = [...audit.findings()];
  const byResponse = new Map<number, ResponseFinding[]>();
  for (const finding of findings) {
    if (!('response' in finding)) continue;
    const list = byResponse.get(finding.response);
    if (list) list.push(finding);
    else byResponse.set(finding.response, [finding]);
  }
  const ranked = riskiest(audit, options.top);
  const wanted = new Set(options.texts === 'all' ? [...ranked, ...byResponse.keys()] : ranked);
  const texts = await readTexts(audit, wanted, options.limit);
  let low = Infinity;
  let high = -Infinity;
  for (const i of ranked) {
    const [from, to] = support(table.quantiles(i), table.levels);
    low = Math.min(low, from);
    high = Math.max(high, to);
  }
  return {
    audit,
    info,
    findings,
    byResponse,
    ranked,
    texts,
    axis: low < high ? [low, high] : [0, 1],
    summary: summarize(audit, findings),
    thresholdsInWords: thresholdsInWords(audit),
    version: options.version,
  };
}

/** The smoothed density of a response in the middle of `bins` equal parts of the axis. */
export function drawn({ audit: { table }, axis }: Report, i: number, bins: number): Float64Array {
  const half = (axis[1] - axis[0]) / bins / 2;
  return density(table.quantiles(i), table.levels, grid(axis[0] + half, axis[1] - half, bins));
}
