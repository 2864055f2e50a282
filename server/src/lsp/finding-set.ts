import {
  inWords,
  RULES,
  type ResponseFinding,
  type ResponseTable,
  type Threshold,
  type Thresholds,
} from '../audit/index.js';
import type { Ignored } from '../audit/ignore.js';
import { FIGURES, figureValue, type Figure, type LimitOf } from '../audit/limits.js';
import { FINDING_CODES, FINDING_SEVERITIES, type ThresholdInfo } from '../protocol.js';
import type { Ledger } from './ledger.js';
import { Pacer } from './pace.js';
import { SortedRuns } from './sorted-runs.js';

type Check = (response: number) => ResponseFinding | undefined;

/**
 * The findings of a table at one moment. Only numbers are kept (a million rows may have a hundred
 * thousand findings); messages are made when asked for.
 */
export class FindingSet {
  readonly response: number[] = [];
  readonly code: number[] = [];
  readonly severity: number[] = [];
  readonly counts = new Map<string, number>();

  private constructor(
    private readonly checks: ReadonlyMap<string, Check>,
    private readonly tails: SortedRuns,
    readonly limits: readonly ThresholdInfo[],
    private readonly table: ResponseTable,
    private readonly ignored: Ignored,
  ) {}

  /** @throws AbortError when `signal` fires */
  static async of(
    ledger: Ledger,
    thresholds: Thresholds,
    ignored: Ignored,
    signal?: AbortSignal,
  ): Promise<FindingSet> {
    const { table, options } = ledger;
    const runs = new Map<Figure, SortedRuns>();
    for (const figure of FIGURES)
      runs.set(
        figure,
        await SortedRuns.of(table.length, (i) => figureValue(table, figure, i), signal),
      );
    const limits: LimitOf = (figure, threshold, minimum) => {
      if (threshold.kind === 'absolute') return threshold.value;
      const known = runs.get(figure);
      if (known === undefined || known.size < minimum) return Number.NaN;
      return known.kth(Math.max(Math.ceil(threshold.share * known.size) - 1, 0));
    };
    const context = { table, thresholds, tau: options.tau, limits };
    const checks = new Map<string, Check>();
    const pacer = new Pacer();
    for (const rule of RULES) {
      checks.set(rule.code, rule.prepare(context));
      await pacer.tick(signal);
    }
    const tails = runs.get('tail') as SortedRuns;
    const set = new FindingSet(checks, tails, limitInfo(thresholds, limits), table, ignored);
    for (let i = 0; i < table.length; i++) {
      for (const finding of set.of(i)) set.push(finding);
      if ((i & 127) === 0 && pacer.due) await pacer.tick(signal);
    }
    return set;
  }

  private push(finding: ResponseFinding): void {
    this.response.push(finding.response);
    this.code.push(FINDING_CODES.indexOf(finding.code));
    this.severity.push(FINDING_SEVERITIES.indexOf(finding.severity));
    this.counts.set(finding.code, (this.counts.get(finding.code) ?? 0) + 1);
  }

  get size(): number {
    return this.response.length;
  }

  /** The findings of one response, as the table stands now. */
  of(response: number): ResponseFinding[] {
    const found: ResponseFinding[] = [];
    if (this.table.kind.get(response) === 255) return found;
    for (const check of this.checks.values()) {
      const finding = check(response);
      if (finding !== undefined && !this.ignored(this.table.hash(response), finding.code))
        found.push(finding);
    }
    return found;
  }

  /** The n-th finding with its message; undefined when it no longer holds. */
  at(n: number): ResponseFinding | undefined {
    const response = this.response[n];
    const code = FINDING_CODES[this.code[n] ?? -1];
    if (response === undefined || code === undefined) return undefined;
    if (this.table.kind.get(response) === 255) return undefined;
    return this.checks.get(code)?.(response);
  }

  /** Share of the scored responses with a lower q_tau (ties count half); null with fewer than ten. */
  percentile(tail: number): number | null {
    const { tails } = this;
    if (tails.size < 10 || Number.isNaN(tail)) return null;
    return (tails.rank(tail) + tails.rank(tail, true)) / 2 / tails.size;
  }
}

function limitInfo(t: Thresholds, limits: LimitOf): ThresholdInfo[] {
  const info = (
    code: ThresholdInfo['code'],
    figure: Figure,
    threshold: Threshold,
    edge: string,
  ): ThresholdInfo => {
    const limit = limits(figure, threshold, t.minimumSample);
    const negated = figure === 'narrowness' && threshold.kind === 'relative';
    const value = negated ? -limit : limit;
    return { code, value: Number.isNaN(value) ? null : value, words: inWords(threshold, edge) };
  };
  return [
    info('low-left-tail', 'tail', t.tail, 'lowest'),
    info('inverted-pair', 'beats', t.inverted, 'lowest'),
    info('ambiguous-pair', 'closeness', t.ambiguous, 'closest'),
    info('wide-distribution', 'narrowness', t.wide, 'widest'),
    { code: 'multimodal', value: t.modes, words: 'fixed threshold' },
  ];
}
