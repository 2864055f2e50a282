import { strictJson } from '../../audit/report/escape.js';
import type { EvaluationResult } from '../../protocol/index.js';
import { mainOf, percent, publishedFor, withInterval } from '../words.js';

/** The whole result; NaN as null. */
export function* jsonReport(result: EvaluationResult): Generator<string> {
  yield strictJson(result, 2);
}

/** A cell of CSV; what a spreadsheet would run as a formula is written as text. */
const cell = (value: string | number): string => {
  if (typeof value === 'number') return Number.isNaN(value) ? '' : String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** One line for each figure: long format, shares in [0, 1]. */
export function* csvReport({ suites, rated }: EvaluationResult): Generator<string> {
  yield 'suite,model,kind,figure,name,items,value,low,high';
  const line = (...cells: (string | number)[]): string => cells.map(cell).join(',');
  for (const { suite, rows, items } of suites)
    for (const row of rows) {
      const of = [suite, row.name, row.kind] as const;
      const estimates = [
        { figure: 'total', items, ...row.total },
        { figure: 'accuracy', items, ...row.accuracy },
        ...row.sections.map((s) => ({ figure: 'section', items: Number.NaN, ...s })),
        ...row.subsets.map((s) => ({ figure: 'subset', ...s })),
      ];
      for (const e of estimates)
        yield line(...of, e.figure, e.name, e.items, e.value, e.low, e.high);
      for (const l of row.length)
        yield line(...of, 'length', l.chosen, l.items, l.accuracy, '', '');
      for (const r of row.readings) yield line(...of, 'reading', r.name, items, r.accuracy, '', '');
      for (const a of row.abstention) yield line(...of, 'risk-coverage area', a.signal, items, a.area, '', ''); // prettier-ignore
      if (row.reliability) yield line(...of, 'calibration error', 'P(beats)', items, row.reliability.ece, '', ''); // prettier-ignore
    }
  for (const { name, attributes } of rated)
    for (const { attribute, predictedBy, figures, disagreement: d } of attributes) {
      const of = ['rated', name, predictedBy] as const;
      const n = figures.responses;
      yield line(...of, 'rank correlation', attribute, n, figures.rankCorrelation, '', '');
      yield line(...of, 'pinball', attribute, n, figures.pinball, '', '');
      yield line(...of, 'pinball of constants', attribute, n, figures.baseline, '', '');
      yield line(...of, 'coverage miss', attribute, n, figures.quantileMiss, '', '');
      if (figures.auroc !== undefined)
        yield line(...of, 'AUROC', attribute, n, figures.auroc, '', '');
      if (d) yield line(...of, 'disagreement', attribute, d.responses, d.width.value, d.width.low, d.width.high); // prettier-ignore
    }
}

const md = (text: string): string => text.replace(/[|\\`*_[\]<>]/g, '\\$&').replace(/\s+/g, ' ');

/** Rows for a README: one table a suite. */
export function* markdownReport({ suites, rated }: EvaluationResult): Generator<string> {
  for (const suite of suites) {
    const first = suite.rows[0]!;
    const own = !Number.isNaN(first.total.value);
    const columns = first.sections.map((s) => s.name);
    const parts = columns.length > 0 ? columns : first.subsets.map((s) => s.name);
    yield `| ${suite.title} | ${own ? first.total.name : 'all items'} (95 % interval) | ${parts.map(md).join(' | ')} |`;
    yield `|---|--:|${parts.map(() => '--:').join('|')}|`;
    for (const row of suite.rows) {
      const values = columns.length > 0 ? row.sections : row.subsets;
      yield `| ${md(row.name)} | ${withInterval(mainOf(row))} | ${values.map((v) => percent(v.value)).join(' | ')} |`;
    }
    for (const p of publishedFor(suite))
      yield `| ${md(p.model)} (${md(p.source)}) | ${p.total.toFixed(1)} | ${parts.map((_, n) => p.parts[n]?.toFixed(1) ?? '').join(' | ')} |`;
    yield '';
  }
  for (const { name, attributes } of rated) {
    yield `| ${md(name)}, rated responses | responses | rank correlation | AUROC | pinball / constant |`;
    yield '|---|--:|--:|--:|--:|';
    for (const { attribute, figures: f } of attributes)
      yield `| ${md(attribute)} | ${f.responses} | ${f.rankCorrelation.toFixed(3)} | ${f.auroc?.toFixed(3) ?? ''} | ${(f.pinball / f.baseline).toFixed(3)} |`;
    yield '';
  }
}
