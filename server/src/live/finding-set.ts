import {
  asksOf,
  type Check,
  Column,
  type Figure,
  type Ignored,
  inWords,
  isIgnored,
  judgedBy,
  type Limits,
  limitsOf,
  MINIMUM_SAMPLE,
  prepareRule,
  rankOf,
  type ResponseFinding,
  type ResponseTable,
  type Rule,
  RULES,
  rulesFor,
  TAIL,
  type Thresholds,
} from '../audit/index.js';
import { FINDING_CODES, FINDING_SEVERITIES, type ThresholdInfo } from '../protocol/index.js';
import type { Ledger } from '../audit/index.js';
import { Pacer, stepped } from '../pace.js';
import { SortedRuns } from './sorted-runs.js';

/** The order statistics that the rules ask for, and the left tails themselves, for percentiles. */
async function statistics(
  rules: readonly Rule[],
  table: ResponseTable,
  thresholds: Thresholds,
  signal: AbortSignal | undefined,
): Promise<{ limits: Limits; tails: SortedRuns }> {
  const shares = new Map<Figure, Set<number>>([[TAIL, new Set()]]);
  for (const rule of rules)
    for (const { figure, threshold } of Object.values(asksOf(rule, thresholds))) {
      if (figure === undefined || threshold.kind === 'absolute') continue;
      const asked = shares.get(figure) ?? new Set();
      shares.set(figure, asked.add(threshold.share));
    }
  const sizes = new Map<Figure, number>();
  const known = new Map<Figure, Map<number, number>>();
  let tails: SortedRuns | undefined;
  for (const [figure, asked] of shares) {
    // One figure in memory at a time; only the tails are kept.
    const Kind = figure.double ? Float64Array : Float32Array;
    const runs = await SortedRuns.of(table.length, (i) => figure.of(table, i), signal, Kind);
    const { size } = runs;
    sizes.set(figure, size);
    const at = (share: number) => {
      const rank = rankOf(share, size);
      return runs.kth(figure.end === 'high' ? size - 1 - rank : rank);
    };
    known.set(figure, new Map([...asked].map((share) => [share, at(share)])));
    if (figure === TAIL) tails = runs;
  }
  return {
    tails: tails as SortedRuns,
    limits: limitsOf(
      rules,
      thresholds,
      (figure, share, minimum) =>
        (sizes.get(figure) ?? 0) < minimum
          ? Number.NaN
          : (known.get(figure)?.get(share) ?? Number.NaN),
      table.reference,
    ),
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
  /** Of each response, 1 + the number of its first finding; 0 where it has none. */
  private readonly firsts = new Column(Uint32Array);
  size = 0;
  readonly counts = new Map<string, number>();
  private readonly inTurn: readonly Check[];

  private constructor(
    private readonly checks: ReadonlyMap<string, Check>,
    private readonly tails: SortedRuns,
    readonly limits: Limits,
    /** The same in words, for views. */
    readonly thresholds: readonly ThresholdInfo[],
    private readonly table: ResponseTable,
    private readonly ignored: Ignored,
  ) {
    this.inTurn = [...checks.values()];
  }

  /** @throws AbortError when `signal` fires */
  static async of(
    ledger: Ledger,
    /** The responses' numbers in the order of the text, whatever the order they were given in. */
    order: Iterable<number>,
    thresholds: Thresholds,
    ignored: Ignored,
    signal?: AbortSignal,
    given: readonly Rule[] = RULES,
  ): Promise<FindingSet> {
    const { table, options } = ledger;
    const rules = rulesFor(table.levels, given);
    const { limits, tails } = await statistics(rules, table, thresholds, signal);
    const context = { table, thresholds, tau: options.tau };
    const checks = new Map<string, Check>();
    const pacer = new Pacer();
    for (const rule of rules) {
      checks.set(rule.code, await stepped(prepareRule(rule, context, limits), signal, pacer));
      await pacer.tick(signal);
    }
    const set = new FindingSet(
      checks,
      tails,
      limits,
      thresholdInfo(rules, thresholds, limits),
      table,
      ignored,
    );
    let seen = 0;
    const push = (finding: ResponseFinding): void => set.push(finding);
    for (const i of order) {
      set.each(i, push);
      if ((++seen & 31) === 0 && pacer.due) await pacer.tick(signal);
    }
    return set;
  }

  private push(finding: ResponseFinding): void {
    const n = this.size++;
    if (!this.firsts.get(finding.response)) this.firsts.set(finding.response, n + 1);
    this.responses.set(n, finding.response);
    this.codes.set(n, FINDING_CODES.indexOf(finding.code));
    this.severities.set(n, FINDING_SEVERITIES.indexOf(finding.severity));
    this.counts.set(finding.code, (this.counts.get(finding.code) ?? 0) + 1);
  }

  /** Number of the n-th finding's response; indices into FINDING_CODES and FINDING_SEVERITIES. */
  response = (n: number): number => this.responses.get(n);
  code = (n: number): number => this.codes.get(n);
  severity = (n: number): number => this.severities.get(n);

  /** Number of a response's first finding, its others follow; beyond the last where it has none. */
  first(response: number): number {
    return (this.firsts.get(response) || this.size + 1) - 1;
  }

  /** The findings of one response, as the table stands now. */
  of(response: number): ResponseFinding[] {
    const found: ResponseFinding[] = [];
    this.each(response, (finding) => found.push(finding));
    return found;
  }

  private each(response: number, take: (finding: ResponseFinding) => void): void {
    const { table, inTurn } = this;
    if (table.removed(response)) return;
    for (const check of inTurn) {
      const finding = check(response);
      if (finding !== undefined && !isIgnored(this.ignored, table, finding)) take(finding);
    }
  }

  /** The n-th finding with its message; undefined when it no longer holds. */
  at(n: number): ResponseFinding | undefined {
    const response = this.response(n);
    const code = FINDING_CODES[this.code(n)];
    if (n >= this.size || code === undefined) return undefined;
    if (this.table.removed(response)) return undefined;
    return this.checks.get(code)?.(response);
  }

  /** Share of the scored responses with a lower q_tau (ties count half); null with too few. */
  percentile(tail: number): number | null {
    const { tails } = this;
    if (tails.size < MINIMUM_SAMPLE || Number.isNaN(tail)) return null;
    return (tails.rank(tail) + tails.rank(tail, true)) / 2 / tails.size;
  }
}

function thresholdInfo(
  rules: readonly Rule[],
  thresholds: Thresholds,
  limits: Limits,
): ThresholdInfo[] {
  return rules.flatMap((rule) => {
    const threshold = judgedBy(rule, thresholds, limits);
    if (rule.threshold === undefined || threshold === undefined) return [];
    const { limit = Number.NaN } = limits.get(rule.code) ?? {};
    const words =
      rule.threshold.figure === undefined
        ? 'fixed threshold'
        : inWords(threshold, rule.threshold.edge);
    return { code: rule.code, value: Number.isNaN(limit) ? null : limit, words };
  });
}
