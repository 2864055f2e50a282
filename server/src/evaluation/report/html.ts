import { createHash } from 'node:crypto';
import { html } from '../../audit/report/escape.js';
import { STYLE as BASE } from '../../audit/report/html/style.js';
import {
  count,
  decimals,
  type Estimate,
  type EvaluationResult,
  type RowResult,
  type SuiteResult,
} from '../../protocol/index.js';
import {
  comparisonWords,
  disagreementWords,
  distributionWords,
  mainOf,
  percent,
  publishedFor,
  warnings,
  withInterval,
} from '../words.js';

const STYLE = `${BASE}
figcaption{font-size:13px;color:var(--dim);margin-top:6px}.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(260px,1fr));gap:12px;margin:12px 0}
.scroll{overflow-x:auto}.whisker{stroke:var(--ink);stroke-width:1.4}.dot{fill:var(--fill)}.ideal{stroke:var(--dim);stroke-dasharray:3 3;fill:none}
.line{fill:none;stroke:var(--fill);stroke-width:1.8}.line.b{stroke:var(--error)}.line.c{stroke:var(--warning)}.line.d{stroke:var(--other)}
li{margin:3px 0}`;

/** One file with no script and nothing remote: the table, intervals drawn, risk-coverage, reliability. */
export function* htmlReport(result: EvaluationResult): Generator<string> {
  const hash = createHash('sha256').update(STYLE).digest('base64');
  yield `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>QRM Lens evaluation</title><style>${STYLE}</style></head><body><main>
<h1>QRM Lens evaluation</h1><p class="dim">Percent right; 95 % intervals by resampling prompts (${count(result.settings.replicates)} resamples, seed ${result.settings.seed})</p>`;
  for (const suite of result.suites) yield* suiteHtml(suite);
  for (const { name, attributes } of result.rated) {
    yield `<h2>Rated responses, by ${html(name)}</h2>`;
    yield table(
      ['attribute', 'by', 'responses', 'labels', 'rank correlation', 'AUROC', 'pinball', 'constant', 'coverage miss'], // prettier-ignore
      attributes.map(({ attribute, predictedBy, figures: f }) => [
        attribute,
        predictedBy,
        count(f.responses),
        count(f.labels),
        decimals(f.rankCorrelation),
        f.auroc === undefined ? '' : decimals(f.auroc),
        decimals(f.pinball),
        decimals(f.baseline),
        decimals(f.quantileMiss),
      ]),
    );
  }
  yield list(disagreementWords(result));
  yield '</main></body></html>';
}

function* suiteHtml(suite: SuiteResult): Generator<string> {
  const first = suite.rows[0]!;
  const sections = first.sections.map((s) => s.name);
  yield `<h2>${html(suite.title)}: ${count(suite.items)} items, ${count(suite.prompts)} prompts</h2>`;
  yield table(
    ['', Number.isNaN(first.total.value) ? 'all items' : first.total.name, ...sections],
    [
      ...suite.rows.map((row) => [row.name, withInterval(mainOf(row)), ...row.sections.map((s) => percent(s.value))]), // prettier-ignore
      ...publishedFor(suite).map((p) => [`${p.model} (${p.source})`, p.total.toFixed(1), ...sections.map((_, n) => p.parts[n]?.toFixed(1) ?? '')]), // prettier-ignore
    ],
  );
  yield list(warnings(suite));
  yield `<figure>${whiskers(suite.rows.map((row) => ({ ...mainOf(row), name: row.name })))}<figcaption>Each row with its 95 % interval</figcaption></figure>`;
  yield list(comparisonWords(suite));
  if (first.subsets.length > 1)
    yield table(
      ['subset', 'items', ...suite.rows.map((row) => row.name)],
      first.subsets.map((s, n) => [s.name, count(s.items), ...suite.rows.map((row) => withInterval(row.subsets[n]!))]), // prettier-ignore
    );
  for (const row of suite.rows) yield rowHtml(row);
}

function rowHtml(row: RowResult): string {
  const lengths = row.length
    .filter((l) => l.items > 0)
    .map((l) => `chosen ${l.chosen}: ${percent(l.accuracy)} % of ${count(l.items)}`);
  const words = [`By length: ${lengths.join(', ')}`, ...distributionWords(row)];
  const charts: string[] = [];
  if (row.abstention.length > 0) charts.push(riskChart(row));
  if (row.reliability !== undefined) charts.push(reliabilityChart(row.reliability));
  return `<h2>${html(row.name)} <span class="dim">${html(row.kind)}</span></h2><div class="grid">${charts.join('')}</div>${list(words)}`;
}

const list = (lines: readonly string[]): string =>
  lines.length === 0 ? '' : `<ul>${lines.map((line) => `<li>${html(line)}</li>`).join('')}</ul>`;

function table(header: readonly string[], body: readonly (readonly string[])[]): string {
  const row = (tag: string, cells: readonly string[]): string =>
    `<tr>${cells.map((c, i) => `<${tag}${i > 0 ? ' class="n"' : ''}>${html(c)}</${tag}>`).join('')}</tr>`;
  return `<div class="scroll"><table><thead>${row('th', header)}</thead><tbody>${body.map((r) => row('td', r)).join('')}</tbody></table></div>`;
}

function whiskers(rows: readonly Estimate[]): string {
  const [wide, high, left] = [720, 24, 250];
  const known = rows.filter(({ value }) => !Number.isNaN(value));
  const low = Math.max(0, Math.min(...known.map((r) => r.low)) - 0.02);
  const top = Math.max(...known.map((r) => r.high)) + 0.02;
  const x = (v: number): string =>
    (left + ((v - low) / (top - low || 1)) * (wide - left - 50)).toFixed(1);
  const lines = known.map((r, n) => {
    const y = 14 + n * high;
    return `<text x="0" y="${y + 4}">${html(r.name.slice(0, 44))}</text><line class="whisker" x1="${x(r.low)}" x2="${x(r.high)}" y1="${y}" y2="${y}"/><circle class="dot" cx="${x(r.value)}" cy="${y}" r="4"/><text x="${wide - 40}" y="${y + 4}">${percent(r.value)}</text>`;
  });
  return `<svg viewBox="0 0 ${wide} ${known.length * high + 8}" role="img" aria-label="accuracies with intervals">${lines.join('')}</svg>`;
}

const [W, H] = [260, 190];
const px = (x: number): string => (30 + x * (W - 40)).toFixed(1);
const py = (y: number): string => (8 + (1 - y) * (H - 34)).toFixed(1);
const AXES = `<path class="axis" fill="none" d="M${px(0)} ${py(1)}V${py(0)}H${px(1)}"/>`;

function riskChart({ abstention }: RowResult): string {
  const least = Math.min(...abstention.flatMap((a) => a.curve.map((p) => p.accuracy)));
  const low = Math.floor(10 * least) / 10;
  const y = (v: number): string => py((v - low) / (1 - low || 1));
  const lines = abstention.map((a, n) => `<polyline class="line ${'abcd'[n] ?? ''}" points="${a.curve.map((p) => `${px(p.coverage)},${y(p.accuracy)}`).join(' ')}"/>`); // prettier-ignore
  const names = abstention.map((a) => `${a.signal} ${decimals(a.area)}`).join('; ');
  return `<figure><svg viewBox="0 0 ${W} ${H}" role="img" aria-label="accuracy against coverage">${AXES}${lines.join('')}<text x="2" y="${py(0.97)}">100</text><text x="2" y="${py(0)}">${Math.round(100 * low)}</text><text x="${px(0.3)}" y="${H - 6}">share answered</text></svg><figcaption>Accuracy when the least sure are left open; area under the risk: ${html(names)}</figcaption></figure>`;
}

function reliabilityChart({ bins, ece }: NonNullable<RowResult['reliability']>): string {
  const points = bins.filter((b) => b.count > 0);
  const most = Math.max(...points.map((b) => b.count));
  const at = (p: number): string => px((p - 0.5) * 2);
  const dots = points.map((b) => `<circle class="dot" cx="${at(b.confidence)}" cy="${py(b.accuracy)}" r="${(2 + 4 * Math.sqrt(b.count / most)).toFixed(1)}"/>`); // prettier-ignore
  return `<figure><svg viewBox="0 0 ${W} ${H}" role="img" aria-label="reliability diagram">${AXES}<path class="ideal" d="M${at(0.5)} ${py(0.5)}L${at(1)} ${py(1)}"/>${dots.join('')}<text x="2" y="${py(0.97)}">1</text><text x="2" y="${py(0)}">0</text><text x="${px(0.1)}" y="${H - 6}">P(preferred is better), 0.5 to 1</text></svg><figcaption>Reliability: share right by stated probability; expected calibration error ${decimals(ece)}</figcaption></figure>`;
}
