import type { Severity } from '../finding.js';
import { tailName } from '../rules/rule.js';
import { fit, pad, visible, width } from './escape.js';
import { countByCode, drawn, type Report } from './model.js';

const BARS = ' ▁▂▃▄▅▆▇█';
const SPARK = 20;
const INK = { error: '31', warning: '33', info: '36', dim: '2', bold: '1' } as const;

/** The table for people: two lines a response, the numbers above, the place and the text below. */
export function* textReport(
  report: Report,
  options: { columns: number; colour: boolean },
): Generator<string> {
  const { audit, axis, ranked } = report;
  const { table } = audit;
  const ink = (style: keyof typeof INK, s: string) =>
    options.colour && s !== '' ? `\x1b[${INK[style]}m${s}\x1b[0m` : s;
  const columns = Math.max(options.columns, 60);
  const number = (x: number) => x.toFixed(3).padStart(7);
  if (ranked.length > 0) {
    yield '';
    yield ink(
      'bold',
      `The ${ranked.length} riskiest of ${table.length} responses, lowest left tail first`,
    );
    yield '';
    const [low, high] = axis.map((x) => x.toFixed(2)) as [string, string];
    const gap = ' '.repeat(Math.max(SPARK - low.length - high.length, 1));
    const head = [tailName(audit.tau), 'CVaR', 'mean'].map((h) => h.padStart(7)).join(' ');
    yield ink('dim', `${'#'.padStart(4)} ${head}  ${low}${gap}${high}  findings`);
  }
  for (const [n, i] of ranked.entries()) {
    const findings = report.byResponse.get(i) ?? [];
    const worst = findings.map((f) => f.severity).sort(bySeverity)[0];
    const mass = [...drawn(report, i, SPARK)];
    const peak = Math.max(...mass);
    const spark = mass
      .map((m) => BARS[m <= 0 ? 0 : Math.max(1, Math.round((8 * m) / peak))])
      .join('');
    const codes = fit(findings.map((f) => f.code).join(' '), columns - 53);
    const values = [table.tail, table.cvar, table.expectation].map((c) => number(c.get(i)));
    values[0] = worst === undefined ? (values[0] ?? '') : ink(worst, values[0] ?? '');
    yield `${ink('bold', `${n + 1}`.padStart(4))} ${values.join(' ')}  ${ink('info', spark)}  ${worst ? ink(worst, codes) : codes}`.trimEnd();
    const p = table.place(i);
    const place = `${visible(audit.sources[table.file.get(i)]?.path ?? '')}:${p.line + 1}:${p.column + 1}`;
    const label = visible(table.label(i) || table.kindOf(i));
    const text = visible((report.texts.get(i) ?? '').trim());
    const room = columns - 9 - width(place) - width(label);
    yield `     ${ink('dim', place)} ${pad(label, 8)} ${room > 8 ? fit(text, room - 2) : ''}`.trimEnd();
    if (room <= 8) yield `     ${fit(text, columns - 6)}`;
  }
  yield '';
  const problems = audit.problems;
  for (const { file, problem, message } of problems.slice(0, 10)) {
    const path = visible(audit.sources[file]?.path ?? '');
    yield `${ink('error', 'malformed')} ${path}:${problem.place.line + 1}:${problem.place.column + 1} ${visible(message)}`;
  }
  if (problems.length > 10) {
    yield ink('dim', `… and ${problems.length - 10 + audit.moreProblems} more malformed rows`);
  }
  if (table.length > 0) yield ink('dim', `Thresholds: ${report.thresholdsInWords.join('; ')}.`);
  const counts = [...countByCode(report.findings)].map(([code, n]) => `${n} ${code}`);
  yield `${ink('bold', `${report.findings.length} findings`)}${counts.length > 0 ? `: ${counts.join(', ')}` : ''}`;
}

const RANK: Record<Severity, number> = { error: 0, warning: 1, info: 2 };
export const bySeverity = (a: Severity, b: Severity) => RANK[a] - RANK[b];
