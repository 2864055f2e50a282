import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RULES, runRules, type Rule, type Threshold } from '../../../server/src/audit/index.js';
import { BEATS, CLOSENESS, SPREAD, TAIL, type Figure } from '../../../server/src/audit/figures.js';
import { FindingSet } from '../../../server/src/live/finding-set.js';
import { Ledger } from '../../../server/src/audit/ledger.js';
import { FINDING_CODES } from '../../../server/src/protocol/index.js';
import { place, scoreOf } from '../audit/helpers.js';
import { info } from '../lsp/table-audit.js';

const FIGURES: readonly Figure[] = [
  TAIL,
  BEATS,
  CLOSENESS,
  SPREAD,
  { name: 'mean', end: 'high', of: (table, i) => table.expectation.get(i) },
];
const threshold: fc.Arbitrary<Threshold> = fc.oneof(
  fc.record({
    kind: fc.constant('absolute' as const),
    value: fc.double({ min: -3, max: 3, noNaN: true }),
  }),
  fc.record({
    kind: fc.constant('relative' as const),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
);

/** A rule as somebody might add: any figure, any default, a second limit of any share. */
const anyRule = fc.record({
  figure: fc.constantFrom(...FIGURES),
  usual: threshold,
  further: threshold,
  minimum: fc.integer({ min: 0, max: 30 }),
});
type AnyRule = typeof anyRule extends fc.Arbitrary<infer T> ? T : never;

function ruleOf({ figure, usual, further, minimum }: AnyRule, n: number): Rule {
  const code = FINDING_CODES[n]!;
  const at = (value: number, limit: number) =>
    figure.end === 'high' ? value >= limit : value <= limit;
  return {
    code,
    order: n,
    description: 'made by a test',
    threshold: {
      ...{ name: `made${n}`, option: `made${n}`, default: usual, figure, edge: 'most', help: '' },
      show: String,
    },
    furtherLimits: () => ({ further: { figure, threshold: further, minimum } }),
    prepare:
      ({ table, limits }) =>
      (response) => {
        const value = figure.of(table, response);
        if (!at(value, limits['limit'] ?? Number.NaN)) return undefined;
        const severity = at(value, limits['further'] ?? Number.NaN) ? 'error' : 'info';
        const message = `${value} ${limits['limit']} ${limits['further']}`;
        return { code, severity, response, message };
      },
  };
}

/** Rows come (single responses and pairs, some without a score, many equal) and go. */
const edit = fc.oneof(
  fc.record({
    pair: fc.boolean(),
    means: fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 2, maxLength: 2 }),
    width: fc.integer({ min: 0, max: 3 }),
    text: fc.integer({ min: 0, max: 40 }),
    fails: fc.boolean(),
  }),
  fc.record({ remove: fc.nat() }),
);
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

function ledgerAfter(edits: readonly Edit[]): Ledger {
  const ledger = new Ledger(info, { tau: 0.05, lambda: 1 });
  const rows: number[][] = [];
  edits.forEach((e, row) => {
    if ('remove' in e) {
      const [gone] = rows.splice(e.remove % Math.max(rows.length, 1), 1);
      ledger.remove(gone ?? []);
      return;
    }
    const kinds = e.pair ? (['chosen', 'rejected'] as const) : (['completion'] as const);
    const slots = kinds.map((kind, conversation) => ({
      ...{ conversation, target: 1, kind, label: kind, place: place(row) },
      hash: createHash('sha256').update(`${e.text} ${conversation}`).digest().subarray(0, 16),
    }));
    const ids = ledger.add(row, slots);
    const results = kinds.map((_, n) =>
      e.fails && n === 0
        ? { ok: false as const, error: 'told to' }
        : { ok: true as const, score: scoreOf(e.means[n] ?? 0, e.width) },
    );
    ledger.settle(
      ids,
      results.map((result) => ({ result, fromStore: false })),
    );
    rows.push(ids);
  });
  return ledger;
}

describe('findings of the editor', () => {
  it('are those of the command line, for any rules, thresholds and edits', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(edit, { maxLength: 80 }),
        fc.array(anyRule, { maxLength: FINDING_CODES.length - 1 }),
        fc.dictionary(
          fc.constantFrom('tail', 'inverted', 'ambiguous', 'wide', 'modes', 'made0', 'made1'),
          threshold,
        ),
        fc.boolean(),
        async (edits, made, thresholds, own) => {
          const rules = own ? RULES : made.map(ruleOf);
          const ledger = ledgerAfter(edits);
          const { table, options } = ledger;
          const context = { table, thresholds, tau: options.tau };
          const ignored = () => false;
          const order = Array.from({ length: table.length }, (_, id) => id);
          const set = await FindingSet.of(ledger, order, thresholds, ignored, undefined, rules);
          const listed = Array.from({ length: set.size }, (_, n) => set.at(n));
          expect(listed).toEqual([...runRules(context, rules)]);
          expect([...runRules({ ...context, limits: set.limits }, rules)]).toEqual(listed);
        },
      ),
      { numRuns: 300 },
    ));
});
