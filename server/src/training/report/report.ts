import { percent } from '../../protocol/index.js';
import { createHash } from 'node:crypto';
import { wilson } from '../../evaluation/statistics/index.js';
import { attributeCells, coverageRange } from './attribute-cells.js';
import type { TrainingFigures } from '../pipeline/figures/figures.js';

/** In the editor's view its theme's colours come first. */
const STYLE = `
:root{color-scheme:light dark;--l-bg:#f6f7f9;--l-card:#fff;--l-ink:#1b1f27;--l-dim:#5d6676;--l-line:#e2e5eb;--l-fill:#3b6fd8;--l-other:#c4320a}
@media(prefers-color-scheme:dark){:root{--l-bg:#101319;--l-card:#181c24;--l-ink:#e7eaf0;--l-dim:#9aa4b5;--l-line:#2a303c;--l-fill:#7aa2ff;--l-other:#ff8266}}
:root{--bg:var(--vscode-editor-background,var(--l-bg));--card:var(--vscode-editorWidget-background,var(--l-card));--ink:var(--vscode-foreground,var(--l-ink));--dim:var(--vscode-descriptionForeground,var(--l-dim));--line:var(--vscode-panel-border,var(--l-line));--fill:var(--vscode-charts-blue,var(--l-fill));--other:var(--vscode-charts-red,var(--l-other))}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1120px;margin:0 auto;padding:36px 22px 60px}h1{font-size:26px;margin:0 0 6px}h2{font-size:17px;margin:36px 0 10px}
.dim{color:var(--dim)}.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(240px,1fr));gap:12px}
figure,table{background:var(--card);border:1px solid var(--line);border-radius:12px;margin:0}figure{padding:14px}figcaption{font-size:13px}
table{width:100%;border-collapse:separate;border-spacing:0;overflow:hidden;font-size:13px}th,td{text-align:left;padding:7px 12px;border-top:1px solid var(--line)}
thead th{border-top:0;color:var(--dim);font-weight:500}td.n,th.n{text-align:right}svg{display:block;width:100%;height:auto}
svg text{fill:var(--dim);font:10px system-ui,sans-serif}.axis{stroke:var(--line);fill:none}.ideal{stroke:var(--dim);stroke-dasharray:3 3}
.line{fill:none;stroke:var(--fill);stroke-width:1.8}.other{fill:none;stroke:var(--other);stroke-width:1.8}.band{fill:var(--fill);fill-opacity:.18}
.bar{fill:var(--fill);fill-opacity:.75}.scroll{overflow-x:auto}`;

const escape = (text: string): string =>
  text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`).replace(/[\p{Cc}\p{Cf}]/gu, '');

/**
 * What a training run measured, as a page without script: the gate's learning curve, a reliability
 * diagram of each attribute, the gate's weights by source.
 */
export function trainingReport(figures: TrainingFigures): string {
  const { model, attributes, sources } = figures;
  const hash = createHash('sha256').update(STYLE).digest('base64');
  const title = `Training of ${escape(model.name)}`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title><style>${STYLE}</style></head><body><main>
<h1>${title}</h1><p class="dim">${escape(model.backbone)}, ${model.layers} of ${model.totalLayers} layers, features in ${model.precision}</p>
<h2>Attributes, on held-out prompts</h2><div class="scroll">${attributeTable(figures)}</div>
<h2>Reliability: share of labels at or below each level's quantile</h2>
<p class="dim">On the diagonal a level is calibrated; labels of few values cannot be on it everywhere. Band: 95 % interval.</p>
<div class="grid">${attributes.map((a) => reliability(a, figures.settings.levels)).join('')}</div>
${figures.curve.length > 0 ? `<h2>Learning curve of the gate</h2><figure>${curve(figures)}</figure>` : ''}
${sources.length > 0 ? `<h2>Pairs by source</h2><div class="scroll">${sourceTable(figures)}</div><h2>Gate weights by source</h2><div class="scroll">${weights(figures)}</div>` : ''}
</main></body></html>
`;
}

function rows(header: readonly string[], body: readonly (readonly string[])[]): string {
  const cell = (tag: string, text: string, i: number): string =>
    `<${tag}${i > 0 ? ' class="n"' : ''}>${escape(text)}</${tag}>`;
  const line = (tag: string, cells: readonly string[]): string =>
    `<tr>${cells.map((c, i) => cell(tag, c, i)).join('')}</tr>`;
  return `<table><thead>${line('th', header)}</thead><tbody>${body.map((r) => line('td', r)).join('')}</tbody></table>`;
}

function attributeTable({ attributes }: TrainingFigures): string {
  return rows(
    ...attributeCells(attributes, {
      attribute: 'name',
      'trained on': 'trainedOn',
      'judged on': 'judgedOn',
      'pinball / constant': 'ratio',
      'rank correlation': 'rankCorrelation',
      AUROC: 'auroc',
      crossings: 'crossings',
    }),
  );
}

const W = 220;
const H = 170;
const LEFT = 28;
const BOTTOM = 20;
const TOP = 8;

const px = (x: number, span = W): string => (LEFT + x * (span - LEFT - 6)).toFixed(1);
const py = (y: number): string => (TOP + (1 - y) * (H - TOP - BOTTOM)).toFixed(1);

function reliability(a: TrainingFigures['attributes'][number], levels: readonly number[]): string {
  const point = (x: number, y: number): string => `${px(x)},${py(y)}`;
  const bands = levels.map((level, k) => ({ level, range: coverageRange(a, k) }));
  const band = [
    ...bands.map(({ level, range }) => point(level, range[1])),
    ...bands.reverse().map(({ level, range }) => point(level, range[0])),
  ].join(' ');
  const line = levels.map((level, k) => point(level, a.coverage[k]!)).join(' ');
  return `<figure><figcaption>${escape(a.name)}</figcaption><svg viewBox="0 0 ${W} ${H}" role="img" aria-label="coverage of ${escape(a.name)}">
<path class="axis" d="M${px(0)} ${py(1)}V${py(0)}H${px(1)}"/><path class="ideal" d="M${px(0)} ${py(0)}L${px(1)} ${py(1)}"/>
<polygon class="band" points="${band}"/><polyline class="line" points="${line}"/>
<text x="${px(0)}" y="${H - 6}">0</text><text x="${px(0.93)}" y="${H - 6}">1</text><text x="4" y="${py(0.95)}">1</text><text x="${px(0.38)}" y="${H - 6}">level</text></svg></figure>`;
}

function curve({ curve: epochs, bestEpoch }: TrainingFigures): string {
  const values = epochs.flatMap((e) => [e.loss, ...(e.validation ? [e.validation.loss] : [])]);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const wide = 720;
  const at = (i: number, loss: number): string =>
    `${px(epochs.length > 1 ? i / (epochs.length - 1) : 0.5, wide)},${py((loss - low) / (high - low || 1))}`;
  const line = (pick: (e: (typeof epochs)[number]) => number | undefined): string =>
    epochs.flatMap((e, i) => (pick(e) === undefined ? [] : [at(i, pick(e)!)])).join(' ');
  return `<svg viewBox="0 0 ${wide} ${H}" role="img" aria-label="loss by epoch"><path class="axis" d="M${px(0, wide)} ${py(1)}V${py(0)}H${px(1, wide)}"/>
<polyline class="line" points="${line((e) => e.loss)}"/><polyline class="other" points="${line((e) => e.validation?.loss)}"/>
<text x="2" y="${py(0.97)}">${high.toFixed(3)}</text><text x="2" y="${py(0)}">${low.toFixed(3)}</text></svg>
<figcaption class="dim">Bradley-Terry loss by epoch: blue on training pairs, red on prompts held back for early stopping. Kept: epoch ${bestEpoch} of ${epochs.length}.</figcaption>`;
}

function sourceTable({ sources }: TrainingFigures): string {
  const cell = (a: { pairs: number; accuracy: number } | undefined): string => {
    if (!a) return '';
    const [low, high] = wilson(a.accuracy, a.pairs);
    return `${percent(a.accuracy)} (${percent(low)} to ${percent(high)}, ${a.pairs} pairs)`;
  };
  return rows(
    ['source', 'held out', 'training, cross-fitted'],
    sources.map((s) => [s.source, cell(s.heldOut), cell(s.training)]),
  );
}

function weights({ sources, attributes }: TrainingFigures): string {
  return rows(
    ['source', ...attributes.map((a) => a.name)],
    sources.map((s) => [s.source, ...s.gate.map((w) => (w < 0.005 ? '' : w.toFixed(2)))]),
  );
}
