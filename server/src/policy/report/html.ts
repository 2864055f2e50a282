import { count, decimals, fine } from '../../protocol/index.js';
import { createHash } from 'node:crypto';
import { html, STYLE } from '../../audit/report/index.js';
import type { Estimate, Figures, Point } from '../index.js';
import { frontierSvg, klSvg, PALETTE } from './svg.js';
import {
  conclusions,
  difference,
  written,
  headings,
  nats,
  interval,
  notes,
  short,
  sure,
  title,
  type PolicyReport,
} from './words.js';

const CURVES = PALETTE.map(
  ([light], n) => `.c${n}{stroke:${light};--c:${light}}.f${n}{fill:${light}}`,
).join('');
const DARK = PALETTE.map(
  ([, dark], n) => `.c${n}{stroke:${dark};--c:${dark}}.f${n}{fill:${dark}}`,
).join('');
const OWN = `${STYLE}
.line{fill:none;stroke-width:1.8}.dot{stroke:var(--card);stroke-width:1}.band{opacity:.14;stroke:none}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:12px}.scroll{overflow-x:auto}
td small{color:var(--dim);display:block;font-size:11px;white-space:nowrap}.good{color:var(--fill)}.bad{color:var(--error)}
.key svg{display:inline-block;width:14px;height:10px;margin-right:6px}
${CURVES}@media(prefers-color-scheme:dark){${DARK}}
`;

/** One file with no script and nothing remote. */
export function* htmlReport(report: PolicyReport): Generator<string> {
  const { preview, files, model, levels } = report;
  const hash = createHash('sha256').update(OWN).digest('base64');
  yield `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>QRM Lens policy preview</title><style>${OWN}</style></head><body><main>`;
  yield `<h1>${html(title(report))}</h1><p class="place">${files.map(html).join('<br>')}</p><p class="dim">Model ${html(model)}</p>`;
  for (const note of notes(report)) yield `<p class="dim">${html(note)}.</p>`;
  for (const sentence of conclusions(report)) yield `<p>${html(sentence)}</p>`;
  if (preview.prompts === 0) {
    yield '</main></body></html>';
    return;
  }
  yield `<h2>Trained on each objective, at ${nats(preview.budget)} of KL from the reference</h2>`;
  yield* table(report, [
    ['(reference)', preview.reference],
    ...preview.objectives.flatMap(({ name, atBudget }): [string, Point][] =>
      atBudget ? [[name, atBudget]] : [],
    ),
  ]);
  yield `<p class="dim">Means over prompts with 95 % intervals (bootstrap by prompt); tilting w ~ exp(score / beta), self-normalised, corrected by leave-one-out. q05 to q25 are the mean over prompts of the quantiles of a response’s reward.</p>`;
  yield* differences(report);
  if (levels > 1) {
    yield '<h2>Left tail against mean, and what KL buys</h2>';
    yield `<p class="key">${preview.objectives.map(({ name }, n) => `<span><svg viewBox="0 0 14 10"><path class="line c${n % PALETTE.length}" d="M0 5H14"/></svg>${html(name)}</span>`).join('')}</p>`;
    yield `<div class="two"><figure>${frontierSvg(preview)}</figure><figure>${klSvg(preview, 'q05')}</figure></div>`;
  }
  yield '<h2>Best of k</h2><p class="dim">Exact over all subsets of k; KL log k − (k − 1)/k.</p>';
  for (const { name, bestOf } of preview.objectives) {
    yield `<h3>${html(name)}</h3>`;
    yield* table(
      report,
      bestOf.map((p): [string, Point] => [`k = ${p.k}`, p]),
    );
  }
  if (levels > 1) yield* scan(report);
  yield '<h2>Along the path of beta</h2>';
  for (const { name, path } of preview.objectives) {
    yield `<h3>${html(name)}</h3>`;
    yield* table(
      report,
      path.map((p): [string, Point] => [`${short(p.kl.value)} nats`, p]),
    );
  }
  yield '</main></body></html>';
}

const cell = (text: string, e?: Estimate, write?: (x: number) => string): string => {
  const known = e !== undefined && Number.isFinite(e.low) && e.low !== e.high && write;
  const range = known ? `<small>${html(`${write(e.low)} to ${write(e.high)}`)}</small>` : '';
  return `<td class="n">${html(text)}${range}</td>`;
};

function* table(report: PolicyReport, rows: readonly [string, Point][]): Generator<string> {
  const columns = headings(report);
  const beta = rows.some(([, p]) => p.beta !== undefined);
  yield `<div class="scroll"><table><thead><tr><th></th>${beta ? '<th class="n">beta</th>' : ''}<th class="n">KL</th><th class="n">ESS</th>${columns.map(([, h]) => `<th class="n">${html(h)}</th>`).join('')}</tr></thead><tbody>`;
  for (const [label, p] of rows) {
    const cells = columns.map(([f]) => {
      const e = (p.figures as Figures)[f];
      return cell(written(f, e.value), e, (x) => written(f, x));
    });
    const kl = cell(p.kl.value.toFixed(2), p.kl, (x) => x.toFixed(2));
    yield `<tr><th>${html(label)}</th>${beta ? `<td class="n">${p.beta === undefined ? '' : short(p.beta)}</td>` : ''}${kl}<td class="n">${p.ess.toFixed(1)}</td>${cells.join('')}</tr>`;
  }
  yield '</tbody></table></div>';
}

function* differences(report: PolicyReport): Generator<string> {
  const rows = report.preview.objectives.filter(({ atBudget }) => atBudget?.differences);
  if (rows.length === 0) return;
  yield '<h2>Against the mean objective, at equal KL</h2><div class="scroll"><table><thead><tr><th></th><th class="n">mean</th><th class="n">q05</th><th class="n">q25</th><th class="n">CVaR</th><th class="n">another best of n</th></tr></thead><tbody>';
  for (const { name, atBudget, changed } of rows) {
    const d = atBudget!.differences!;
    const of = (e: Estimate): string =>
      `<td class="n${sure(e) ? (e.value > 0 ? ' good' : ' bad') : ''}">${fine(e.value)}<small>${html(interval(e))}</small></td>`;
    yield `<tr><th>${html(name)}</th>${[d.mean, d.q05, d.q25, d.cvar].map(of).join('')}<td class="n">${count(changed)} of ${count(report.preview.prompts)} prompts</td></tr>`;
  }
  yield '</tbody></table></div><p class="dim">Paired differences prompt by prompt with 95 % intervals; coloured where 0 is outside.</p>';
}

function* scan({ preview }: PolicyReport): Generator<string> {
  const { points, best } = preview.scan;
  if (points.length < 2) return;
  yield `<h2>Risk aversion</h2><p class="dim">Trained on ce(lambda), at ${nats(preview.budget)}. A distributional reward under KL-robust optimisation has −beta log E[exp(−r / beta)] for its effective reward: the certainty equivalent with lambda = 1 / beta (arXiv:2606.09073).</p>`;
  yield '<div class="scroll"><table><thead><tr><th>lambda</th><th class="n">q05 gained a nat</th><th class="n">mean − mean objective’s</th><th class="n">q05 − mean objective’s</th></tr></thead><tbody>';
  for (const { lambda, gainPerNat: g, point } of points) {
    const d = point.differences;
    const mark = lambda === best ? ' · most' : '';
    yield `<tr><th>${lambda}${mark}</th><td class="n">${fine(g.value)}<small>${decimals(g.low)} to ${decimals(g.high)}</small></td><td class="n">${d ? html(difference(d.mean)) : ''}</td><td class="n">${d ? html(difference(d.q05)) : ''}</td></tr>`;
  }
  yield '</tbody></table></div>';
}
