import { createHash } from 'node:crypto';
import { tailName } from '../rules/rule.js';
import { html } from './escape.js';
import { countByCode, drawn, type Report } from './model.js';

const STYLE = `
:root{color-scheme:light dark;--bg:#fbfbfd;--card:#fff;--ink:#1c1f26;--dim:#667085;--line:#e4e7ec;--fill:#4f6bed;--error:#c4320a;--warning:#b54708;--info:#175cd3}
@media(prefers-color-scheme:dark){:root{--bg:#12141a;--card:#1a1d25;--ink:#e6e8ee;--dim:#98a2b3;--line:#2b303b;--fill:#8098f9;--error:#ff7a59;--warning:#fdb022;--info:#84adff}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:32px 20px}h1{font-size:26px;margin:0 0 4px}h2{font-size:17px;margin:32px 0 8px}
.dim{color:var(--dim)}.chips{display:flex;flex-wrap:wrap;gap:8px;margin:16px 0}.chip{border:1px solid var(--line);background:var(--card);border-radius:99px;padding:2px 12px;font-size:13px}
article{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px;margin:10px 0;display:grid;grid-template-columns:230px 1fr;gap:4px 20px}
article>svg,figure svg{display:block;width:100%;height:auto}.nums{font-variant-numeric:tabular-nums;font-size:13px}
p{margin:4px 0}.text{white-space:pre-wrap;overflow-wrap:anywhere}.place{font:12px ui-monospace,monospace;overflow-wrap:anywhere}
.error{color:var(--error)}.warning{color:var(--warning)}.info{color:var(--info)}figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px}
svg .area{fill:var(--fill);fill-opacity:.75}svg .axis{stroke:var(--line)}svg text{fill:var(--dim);font:10px system-ui,sans-serif}svg .tail{stroke:var(--error);stroke-width:1.5}
@media(max-width:640px){article{grid-template-columns:1fr}}
`;

/** One file with no script and nothing remote; the policy allows this very style sheet and no more. */
export function* htmlReport(report: Report): Generator<string> {
  const { audit, info, ranked } = report;
  const { table } = audit;
  const hash = createHash('sha256').update(STYLE).digest('base64');
  yield `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>QRM Lens audit</title><style>${STYLE}</style></head><body><main>`;
  yield `<h1>QRM Lens audit</h1><p class="dim">${table.length} responses of ${html(audit.sources.map((s) => s.path).join(', '))}, scored by ${html(info.modelName)} (${html(info.executionProvider)}, ${html(info.precision)})</p>`;
  const chips = [...countByCode(report.findings)].map(
    ([c, n]) => `<span class="chip">${n} ${html(c)}</span>`,
  );
  yield `<div class="chips">${chips.join('') || '<span class="chip">no findings</span>'}</div>`;
  yield `<p class="dim">${html(report.thresholdsInWords.join('; '))}.</p>`;
  const tails = Float64Array.from(table.values(table.tail)).sort();
  if (tails.length > 0) {
    yield `<h2>${tailName(audit.tau)} of all responses</h2><figure>${tailHistogram(tails)}</figure>`;
  }
  yield `<h2>Riskiest responses</h2>`;
  for (const [n, i] of ranked.entries()) {
    const p = table.place(i);
    const path = audit.sources[table.file.get(i)]?.path ?? '';
    const findings = (report.byResponse.get(i) ?? []).map(
      (f) => `<p class="${f.severity}">${html(f.message)}</p>`,
    );
    yield `<article>${distribution(report, i)}<div><p class="nums"><strong>${n + 1}.</strong> ${tailName(audit.tau)} ${table.tail.get(i).toFixed(3)} · CVaR ${table.cvar.get(i).toFixed(3)} · mean ${table.expectation.get(i).toFixed(3)} · ${html(table.label(i) || table.kindOf(i))}</p><p class="place dim">${html(path)}:${p.line + 1}:${p.column + 1}</p><p class="text">${html((report.texts.get(i) ?? '').trim())}</p>${findings.join('')}</div></article>`;
  }
  if (audit.problems.length > 0) yield '<h2>Malformed rows</h2>';
  for (const { file, problem, message } of audit.problems.slice(0, 200)) {
    yield `<p class="place">${html(audit.sources[file]?.path ?? '')}:${problem.place.line + 1}:${problem.place.column + 1} <span class="error">${html(message)}</span></p>`;
  }
  yield '</main></body></html>';
}

/** Bars as one SVG path in a box of 220 by 56. */
function bars(mass: readonly number[], w: number, h: number): string {
  const peak = Math.max(...mass, 1e-12);
  const step = w / mass.length;
  return mass
    .map((m, b) => {
      const top = (h * m) / peak;
      return `M${(b * step).toFixed(1)} ${h}v${(-top).toFixed(1)}h${(step - 0.6).toFixed(1)}v${top.toFixed(1)}z`;
    })
    .join('');
}

function distribution(report: Report, i: number): string {
  const { table } = report.audit;
  const [low, high] = report.axis;
  const mass = [...drawn(report, i, 44)];
  const x = ((220 * (table.tail.get(i) - low)) / (high - low)).toFixed(1);
  return `<svg viewBox="0 0 220 72" role="img" aria-label="reward distribution"><path class="area" d="${bars(mass, 220, 56)}"/><path class="axis" d="M0 56.5H220"/><path class="tail" d="M${x} 4V60"/><text x="0" y="69">${low.toFixed(2)}</text><text x="220" y="69" text-anchor="end">${high.toFixed(2)}</text></svg>`;
}

function tailHistogram(sorted: Float64Array): string {
  const low = sorted[0] ?? 0;
  const high = sorted[sorted.length - 1] ?? 1;
  const bins = Array.from({ length: 60 }, () => 0);
  for (const x of sorted) {
    const b = Math.min(Math.floor((60 * (x - low)) / (high - low || 1)), 59);
    bins[b] = (bins[b] ?? 0) + 1;
  }
  return `<svg viewBox="0 0 900 140" role="img" aria-label="histogram of left tails"><path class="area" d="${bars(bins, 900, 120)}"/><path class="axis" d="M0 120.5H900"/><text x="0" y="135">${low.toFixed(3)}</text><text x="900" y="135" text-anchor="end">${high.toFixed(3)}</text></svg>`;
}
