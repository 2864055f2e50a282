import {
  decimals,
  tailName,
  type AuditSummary,
  type RowsResult,
  type RowTurn,
} from '../../../server/src/protocol/index.js';
import { DEFAULT_TAU } from '../../../server/src/qrm/index.js';
import { nonce } from '../nonce.js';

interface PageOptions {
  readonly uri: string;
  readonly from: number;
  readonly size: number;
  readonly marked: number | undefined;
  readonly page?: RowsResult;
  readonly summary?: AuditSummary | null;
  readonly error?: string;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
/** Data as text: markup is written out, control characters become a mark. */
const escape = (text: string): string =>
  text
    .replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c)
    .replace(/(?![\n\t])[\p{Cc}\p{Cf}]/gu, (c) => (c === '\u200d' ? c : '\ufffd'));

const STYLE = `
body{font-family:var(--vscode-font-family);font-size:var(--vscode-font-size);color:var(--vscode-foreground);padding:0 20px 40px;max-width:110ch}
nav{position:sticky;top:0;background:var(--vscode-editor-background);padding:10px 0;display:flex;gap:16px;flex-wrap:wrap;border-bottom:1px solid var(--vscode-panel-border,transparent)}
a{color:var(--vscode-textLink-foreground)}section{border:1px solid var(--vscode-panel-border,#8884);border-radius:6px;margin:14px 0;padding:4px 14px 10px}
section.marked{border:2px solid var(--vscode-focusBorder)}h2{font-size:1em;margin:8px 0}h3{font-size:.9em;margin:10px 0 4px;color:var(--vscode-descriptionForeground)}
p.score{color:var(--vscode-descriptionForeground);margin:2px 0 4px}p.score span{color:var(--vscode-foreground);font-variant-numeric:tabular-nums}
ul{margin:2px 0 6px;padding-left:20px}li.error{color:var(--vscode-errorForeground)}li.warning{color:var(--vscode-editorWarning-foreground)}section.found{border-left:3px solid var(--vscode-editorWarning-foreground)}
p{white-space:pre-wrap;overflow-wrap:anywhere;margin:4px 0}b{color:var(--vscode-descriptionForeground);font-weight:600}.problem{color:var(--vscode-errorForeground)}
`;

const link = (command: string, args: readonly unknown[], text: string): string =>
  `<a href="command:${command}?${encodeURIComponent(JSON.stringify(args))}">${text}</a>`;

/** A page of rows. No script runs; links are the commands that the panel allows. */
export function parquetHtml(o: PageOptions): string {
  const once = nonce();
  const policy = `default-src 'none'; style-src 'nonce-${once}'`;
  return `<!DOCTYPE html><html lang="en"><head><meta charset="UTF-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>Parquet rows</title><style nonce="${once}">${STYLE}</style></head>
<body>${body(o)}</body></html>`;
}

function body(o: PageOptions): string {
  if (o.error !== undefined) return `<p class="problem">${escape(o.error)}</p>`;
  const total = o.page?.total ?? null;
  const last = o.from + (o.page?.rows.length ?? 0);
  const parts = [
    `Rows ${o.from + 1}–${last}${total === null ? '' : ` of ${total}`}`,
    o.from > 0 ? link('qrmLens.parquetPage', [o.uri, o.from - o.size], '← Previous') : '',
    total === null || last < total
      ? link('qrmLens.parquetPage', [o.uri, o.from + o.size], 'Next →')
      : '',
    // Without an argument the commands take the active tab, which is this one.
    link('qrmLens.parquetGoTo', [o.uri], 'Go to row…'),
    link('qrmLens.auditFile', [], o.summary ? 'Audit again' : 'Audit this file'),
    link('qrmLens.openDashboard', [], 'Dashboard'),
    o.summary ? escape(summaryWords(o.summary)) : '',
  ];
  const rows = (o.page?.rows ?? []).map((row) => {
    const inner = row.conversations.map((c) => {
      const turns = c.turns.map(
        (t) => `<p><b>${escape(t.role)}</b> ${escape(t.content)}</p>${scoreOf(t, o.summary)}`,
      );
      return `<h3>${escape(c.label === '' ? c.kind : c.label)}</h3>${turns.join('')}`;
    });
    const problem =
      row.problem === undefined ? '' : `<p class="problem">${escape(row.problem)}</p>`;
    const turns = row.conversations.flatMap((c) => c.turns);
    const found = turns.some((t) => (t.score?.findings.length ?? 0) > 0);
    const names = [...(row.row === o.marked ? ['marked'] : []), ...(found ? ['found'] : [])];
    const mark = names.length > 0 ? ` class="${names.join(' ')}"` : '';
    return `<section${mark}><h2>Row ${row.row + 1}</h2>${problem}${inner.join('')}</section>`;
  });
  return `<nav>${parts.filter((p) => p !== '').join(' ')}</nav>${rows.join('')}`;
}

/** What the audit says of a response: its figures, then its findings. */
function scoreOf({ score }: RowTurn, summary: AuditSummary | null | undefined): string {
  if (score === undefined) return '';
  const shape = summary?.model === undefined || summary.model.levels.length > 1;
  const tail = tailName(summary?.tau ?? DEFAULT_TAU);
  const words = [
    ...(shape ? [`${tail} <span>${decimals(score.tail)}</span>`] : []),
    `${shape ? 'mean' : 'score'} <span>${decimals(score.expectation)}</span>`,
  ];
  const list = score.findings.map(
    (f) => `<li class="${f.severity}">${escape(f.code)}: ${escape(f.message)}</li>`,
  );
  return `<p class="score">${words.join(' · ')}</p>${list.length > 0 ? `<ul>${list.join('')}</ul>` : ''}`;
}

function summaryWords(s: AuditSummary): string {
  const found = Object.entries(s.counts).map(([code, n]) => `${n} ${code}`);
  return `${s.scored} scored; ${found.join(', ') || 'no findings'}`;
}
