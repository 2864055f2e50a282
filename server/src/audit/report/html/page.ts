import { count, cvarName, decimals, percent, tailName } from '../../../protocol/index.js';
import { createHash } from 'node:crypto';
import { SEVERITIES } from '../../finding.js';
import { html } from '../escape.js';
import { STYLE } from './style.js';
import type { Report } from '../model.js';
import { distribution, tailHistogram } from './svg.js';
import { bySeverity } from '../text.js';

/** One file with no script and nothing remote; the policy allows this very style sheet and no more. */
export function* htmlReport(report: Report): Generator<string> {
  const { audit, info, ranked, summary } = report;
  const hasTail = audit.table.levels.length > 1;
  const hash = createHash('sha256').update(STYLE).digest('base64');
  yield `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>QRM Lens audit</title><style>${STYLE}</style></head><body><main>`;
  yield `<h1>QRM Lens audit</h1><p class="place">${audit.sources.map((s) => html(s.path)).join('<br>')}</p><p class="dim">Model ${html(info.modelName)} (${html(info.executionProvider)}, ${html(info.precision)})</p>`;
  for (const note of report.notes) yield `<p>${html(note)}</p>`;
  yield* cards(report);
  if (summary.scored > 0) {
    const { limit = Number.NaN } = hasTail ? (report.limits.get('low-left-tail') ?? {}) : {};
    const what = hasTail ? `Left tail (${tailName(audit.tau)})` : 'Score';
    yield `<h2>${what} of all responses</h2><figure>${tailHistogram(summary.tails, limit)}</figure>`;
  }
  yield* findingsTable(report);
  if (ranked.length > 0) {
    const order = hasTail
      ? 'riskiest responses, lowest left tail'
      : 'lowest responses, lowest score';
    yield `<h2>The ${count(ranked.length)} ${order} first</h2>`;
    const key = hasTail
      ? `<span><i></i>density of the reward</span><span><i class="r"></i>left tail, up to ${tailName(audit.tau)}</span>`
      : '';
    yield `<p class="key">${key}<span><i class="m"></i>mean</span><span><i class="o"></i>the other half of the pair</span></p>`;
  }
  for (const [n, i] of ranked.entries()) yield response(report, n, i);
  yield* malformed(report);
  yield '</main></body></html>';
}

function* cards({ audit, summary: s }: Report): Generator<string> {
  const card = (name: string, value: string, note: string) =>
    `<div class="card"><span class="dim">${name}</span><b>${value}</b><span class="dim">${note}</span></div>`;
  const unscored = s.responses - s.scored;
  yield '<section class="cards">';
  yield card(
    'Responses',
    count(s.responses),
    unscored === 0 ? 'all scored' : `${count(unscored)} not scored`,
  );
  if (s.pairs > 0) {
    yield card('Chosen preferred', percent(s.preferred), `of ${count(s.pairs)} pairs`);
  }
  if (s.scored > 0) {
    if (audit.table.levels.length > 1) {
      const note = `median mean ${decimals(s.medianMean)}`;
      yield card(`Median ${tailName(audit.tau)}`, decimals(s.tails.median), note);
    } else yield card('Median score', decimals(s.medianMean), 'one number a response');
  }
  const marks = SEVERITIES.map(
    (name) => `<span class="${name}">${count(s.bySeverity[name])} ${name}</span>`,
  );
  yield card('Findings', count(s.findings), marks.join(' · '));
  yield '</section>';
}

function* findingsTable({ summary, thresholdsInWords }: Report): Generator<string> {
  if (summary.codes.length === 0) return;
  yield `<h2>Findings</h2><table><thead><tr><th>code</th><th>meaning</th>${SEVERITIES.map((s) => `<th class="n">${s}</th>`).join('')}<th class="n">all</th></tr></thead><tbody>`;
  for (const { code, description, total, bySeverity: by } of summary.codes) {
    const cells = SEVERITIES.map(
      (s) => `<td class="n ${s}">${by[s] === 0 ? '' : count(by[s])}</td>`,
    );
    const limit = thresholdsInWords.find((words) => words.startsWith(`${code}: `));
    const note = limit ? `<br><span class="dim">${html(limit.slice(code.length + 2))}</span>` : '';
    yield `<tr><th>${code}</th><td>${html(description)}${note}</td>${cells.join('')}<td class="n">${count(total)}</td></tr>`;
  }
  yield '</tbody></table>';
}

function response(report: Report, n: number, i: number): string {
  const { table, sources, tau } = report.audit;
  const p = report.place(i);
  const path = sources[table.file.get(i)]?.path ?? '';
  const findings = [...(report.byResponse.get(i) ?? [])].sort((a, b) =>
    bySeverity(a.severity, b.severity),
  );
  const figures =
    table.levels.length > 1
      ? [
          [tailName(tau), decimals(table.tail.get(i))],
          [cvarName(report.cvarLevel), decimals(table.cvar.get(i))],
          ['mean', decimals(table.expectation.get(i))],
          ['certainty equivalent', decimals(table.certaintyEquivalent.get(i))],
        ]
      : [['score', decimals(table.expectation.get(i))]];
  const nums = figures.map(([name, value]) => `<span>${name} <b>${value}</b></span>`);
  const why = findings.map((f) => `<li class="${f.severity}">${html(f.message)}</li>`);
  return `<article><div>${distribution(report, i)}</div><div><p class="nums"><span class="rank">${n + 1}</span><span class="kind">${html(table.label(i) || table.kindOf(i))}</span>${nums.join('')}</p><p class="text">${html((report.texts.get(i) ?? '').trim())}</p><p class="place dim">${html(path)}:${p.line + 1}:${p.column + 1}</p>${why.length > 0 ? `<ul class="why">${why.join('')}</ul>` : ''}</div></article>`;
}

function* malformed({ audit, problems, summary }: Report): Generator<string> {
  if (problems.length === 0) return;
  yield '<h2>Rows that could not be read</h2>';
  for (const { file, problem, message, severity } of problems) {
    yield `<p class="place">${html(audit.sources[file]?.path ?? '')}:${problem.place.line + 1}:${problem.place.column + 1} <span class="${severity}">${html(message)}</span></p>`;
  }
  const more = summary.problems - problems.length;
  if (more > 0) yield `<p class="dim">… and ${count(more)} more</p>`;
}
