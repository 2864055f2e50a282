import { count, cvarName, decimals, percent, tailName } from '../../protocol/index.js';
import { SEVERITIES, type Severity } from '../finding.js';
import { fit, pad, visible, width } from './escape.js';
import { drawn, type Report } from './model.js';

const BARS = ' ▁▂▃▄▅▆▇█';
const SPARK = 24;
/** Columns of the left tail, CVaR and the mean. */
const WIDTHS = [7, 9, 7];
const INK = { error: '31', warning: '33', info: '36', dim: '2', bold: '1' } as const;
const MARK: Readonly<Record<Severity, string>> = { error: '✖', warning: '▲', info: '•' };
const RANK: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };
export const bySeverity = (a: Severity, b: Severity) => RANK[a] - RANK[b];

type Ink = (style: keyof typeof INK, text: string) => string;

/** The table for people: two lines a response, the numbers above, the place and the text below. */
export function* textReport(
  report: Report,
  options: { columns: number; colour: boolean },
): Generator<string> {
  const ink: Ink = (style, s) =>
    options.colour && s !== '' ? `\x1b[${INK[style]}m${s}\x1b[0m` : s;
  const columns = Math.max(options.columns, 60);
  const { ranked, audit } = report;
  if (ranked.length > 0) {
    const order = hasTail(report) ? 'riskiest' : 'lowest';
    const title = `The ${count(ranked.length)} ${order} of ${count(report.summary.responses)} responses, lowest ${hasTail(report) ? 'left tail' : 'score'} first`;
    yield '';
    yield ink('bold', title);
    yield '';
    const [low, high] = report.axis.map((x) => decimals(x)) as [string, string];
    const gap = '─'.repeat(Math.max(SPARK - low.length - high.length - 2, 1));
    const names = hasTail(report)
      ? [tailName(audit.tau), cvarName(report.cvarLevel), 'mean']
      : ['score'];
    const head = names.map((name, n) => name.padStart(WIDTHS[n] ?? 0)).join(' ');
    yield ink('dim', `${'#'.padStart(5)} ${head}   ${low} ${gap} ${high}   findings`);
  }
  for (const [n, i] of ranked.entries()) yield* response(report, n, i, columns, ink);
  yield* malformed(report, ink);
  yield* summary(report, ink);
}

function* response(report: Report, n: number, i: number, columns: number, ink: Ink) {
  const { table, sources } = report.audit;
  const findings = [...(report.byResponse.get(i) ?? [])].sort((a, b) =>
    bySeverity(a.severity, b.severity),
  );
  const worst = findings[0]?.severity;
  const shown = hasTail(report) ? [table.tail, table.cvar, table.expectation] : [table.expectation];
  const values = shown.map((c, n) => decimals(c.get(i)).padStart(WIDTHS[n] ?? 0));
  values[0] = ink(worst ?? 'bold', values[0] ?? '');
  const codes = fit(
    findings.map((f) => `${MARK[f.severity]} ${f.code}`).join(' '),
    Math.max(columns - 63, 12),
  );
  const number = ink('bold', `${n + 1}`.padStart(5));
  yield `${number} ${values.join(' ')}   ${spark(report, i, ink)}   ${ink(worst ?? 'dim', codes)}`.trimEnd();
  const p = report.place(i);
  const place = `${visible(sources[table.file.get(i)]?.path ?? '')}:${p.line + 1}:${p.column + 1}`;
  const label = pad(fit(visible(table.label(i) || table.kindOf(i)), 20), 8);
  const text = visible((report.texts.get(i) ?? '').trim());
  const room = columns - 9 - width(place) - width(label);
  const head = `      ${label} ${ink('dim', place)}`;
  yield room > 16 ? `${head}  ${fit(text, room - 1)}`.trimEnd() : head;
  if (room <= 16) yield `      ${fit(text, columns - 7)}`.trimEnd();
}

/** One number a response has no tail. */
const hasTail = ({ audit }: Report) => audit.table.levels.length > 1;

/** Bars on the common axis; what lies in the left tail is red. */
function spark(report: Report, i: number, ink: Ink): string {
  if (!hasTail(report)) return ink('info', mark(report, i));
  const density = drawn(report, i, SPARK);
  const peak = Math.max(...density);
  const bars = Array.from(density, (f) =>
    f <= peak / 100 ? ' ' : (BARS[Math.max(1, Math.round((8 * f) / peak))] ?? ''),
  );
  const [low, high] = report.axis;
  const share = (report.audit.table.tail.get(i) - low) / (high - low);
  const cut = Math.min(Math.max(Math.round(SPARK * share), 0), SPARK);
  return ink('error', bars.slice(0, cut).join('')) + ink('info', bars.slice(cut).join(''));
}

/** Where one number lies on the common axis. */
function mark({ audit, axis: [low, high] }: Report, i: number): string {
  const share = (audit.table.expectation.get(i) - low) / (high - low);
  const at = Math.min(Math.max(Math.floor(SPARK * share), 0), SPARK - 1);
  return `${' '.repeat(at)}┃`.padEnd(SPARK);
}

const SHOWN_PROBLEMS = 10;

function* malformed({ audit, problems, summary }: Report, ink: Ink): Generator<string> {
  if (problems.length === 0) return;
  yield '';
  yield ink('bold', 'Rows that could not be read');
  for (const { file, problem, message, severity } of problems.slice(0, SHOWN_PROBLEMS)) {
    const path = visible(audit.sources[file]?.path ?? '');
    yield `${ink(severity, `    ${MARK[severity]}`)} ${ink('dim', `${path}:${problem.place.line + 1}:${problem.place.column + 1}`)} ${visible(message)}`;
  }
  const more = summary.problems - SHOWN_PROBLEMS;
  if (more > 0) yield ink('dim', `      … and ${count(more)} more`);
}

function* summary(report: Report, ink: Ink) {
  const { summary: s, audit, thresholdsInWords, notes } = report;
  yield '';
  yield ink('bold', 'Summary');
  const line = (name: string, text: string) => `  ${ink('dim', name.padEnd(11))} ${text}`;
  const files = audit.sources.length === 1 ? '1 file' : `${count(audit.sources.length)} files`;
  const medians =
    s.scored === 0
      ? ''
      : hasTail(report)
        ? `; median ${tailName(audit.tau)} ${decimals(s.tails.median)}, median mean ${decimals(s.medianMean)}`
        : `; median score ${decimals(s.medianMean)}`;
  yield line('Responses', `${count(s.responses)} of ${files}${medians}`);
  if (s.pairs > 0) {
    const share = percent(s.preferred);
    yield line('Pairs', `${count(s.pairs)}; the model prefers the chosen response in ${share}`);
  }
  for (const [n, note] of notes.entries()) yield line(n === 0 ? 'Model' : '', note);
  if (s.scored > 0) {
    for (const [n, words] of thresholdsInWords.entries()) {
      yield line(n === 0 ? 'Thresholds' : '', words);
    }
  }
  yield line('Findings', s.findings === 0 ? 'none' : count(s.findings));
  for (const { code, total: n, bySeverity: by, description } of s.codes) {
    const marks = SEVERITIES.filter((severity) => by[severity] > 0).map((severity) => ({
      severity,
      text: `${MARK[severity]} ${count(by[severity])}`,
    }));
    const shown = marks.map(({ severity, text }) => ink(severity, text)).join(' ');
    const padding = ' '.repeat(Math.max(22 - marks.map((m) => m.text).join(' ').length, 1));
    yield `  ${count(n).padStart(11)} ${code.padEnd(19)} ${shown}${padding}${ink('dim', description)}`;
  }
}
