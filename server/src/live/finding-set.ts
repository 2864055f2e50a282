import {
  inWords,
  RULES,
  type ResponseFinding,
  type ResponseTable,
  type Threshold,
  type Thresholds,
} from '../audit/index.js';
import { Column } from '../audit/columns.js';
import type { Ignored } from '../audit/ignore.js';
import { FIGURES, figureValue, type Figure, type LimitOf } from '../audit/limits.js';
import { FINDING_CODES, FINDING_SEVERITIES, type ThresholdInfo } from '../protocol.js';
import type { Ledger } from './ledger.js';
import { Pacer } from './pace.js';
import { SortedRuns } from './sorted-runs.js';

type Check = (response: number) => ResponseFinding | undefined;

/** The order statistics that thresholds ask for: the share itself, and the severe fifth of it. */
async function limitsFor(
  table: ResponseTable,
  t: Thresholds,
  signal: AbortSignal | undefined,
): Promise<{ limits: LimitOf; tails: SortedRuns }> {
  const asked = [t.tail, t.inverted, t.ambiguous, t.wide];
  const shares = asked.flatMap((a) => (a.kind === 'relative' ? [a.share, a.share / 5] : []));
  const known = new Map<string, number>();
  const sizes = new Map<Figure, number>();
  let tails: SortedRuns | undefined;
  for (const figure of FIGURES) {
    // One figure in memory at a time; only the tails are kept, for percentiles.
    const runs = await SortedRuns.of(
      table.length,
      (i) => figureValue(table, figure, i),
      signal,
      // The distance from 1/2 is computed in double precision.
      figure === 'closeness' ? Float64Array : Float32Array,
    );
    sizes.set(figure, runs.size);
    for (const share of shares)
      known.set(`${figure} ${share}`, runs.kth(Math.max(Math.ceil(share * runs.size) - 1, 0)));
    if (figure === 'tail') tails = runs;
  }
  return {
    tails: tails as SortedRuns,
    limits: (figure, threshold, minimum) => {
      if (threshold.kind === 'absolute') return threshold.value;
      if ((sizes.get(figure) ?? 0) < minimum) return Number.NaN;
      return known.get(`${figure} ${threshold.share}`) ?? Number.NaN;
    },
  };
}

/**
 * The findings of a table at one moment. Only numbers are kept (a million rows may have a hundred
 * thousand findings); messages are made when asked for.
 */
export class FindingSet {
  private readonly responses = new Column(Uint32Array);
  private readonly codes = new Column(Uint8Array);
  private readonly severities = new Column(Uint8Array);
  size = 0;
  readonly counts = new Map<string, number>();

  private constructor(
    private readonly checks: ReadonlyMap<string, Check>,
    private readonly tails: SortedRuns,
    readonly limits: readonly ThresholdInfo[],
    /** The same, for whoever asks as the rules do. */
    readonly limitOf: LimitOf,
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
    const { limits, tails } = await limitsFor(table, thresholds, signal);
    const context = { table, thresholds, tau: options.tau, limits };
    const checks = new Map<string, Check>();
    const pacer = new Pacer();
    for (const rule of RULES) {
      checks.set(rule.code, rule.prepare(context));
      await pacer.tick(signal);
    }
    const set = new FindingSet(
      checks,
      tails,
      limitInfo(thresholds, limits),
      limits,
      table,
      ignored,
    );
    for (let i = 0; i < table.length; i++) {
      for (const finding of set.of(i)) set.push(finding);
      if ((i & 31) === 0 && pacer.due) await pacer.tick(signal);
    }
    return set;
  }

  private push(finding: ResponseFinding): void {
    const n = this.size++;
    this.responses.set(n, finding.response);
    this.codes.set(n, FINDING_CODES.indexOf(finding.code));
    this.severities.set(n, FINDING_SEVERITIES.indexOf(finding.severity));
    this.counts.set(finding.code, (this.counts.get(finding.code) ?? 0) + 1);
  }

  /** Number of the n-th finding's response; indices into FINDING_CODES and FINDING_SEVERITIES. */
  response = (n: number): number => this.responses.get(n);
  code = (n: number): number => this.codes.get(n);
  severity = (n: number): number => this.severities.get(n);

  /** Number of the first finding of a response or of one after it: findings are in the order of responses. */
  first(response: number): number {
    let [low, high] = [0, this.size];
    while (low < high) {
      const mid = (low + high) >> 1;
      if (this.response(mid) < response) low = mid + 1;
      else high = mid;
    }
    return low;
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
    const response = this.response(n);
    const code = FINDING_CODES[this.code(n)];
    if (n >= this.size || code === undefined) return undefined;
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
