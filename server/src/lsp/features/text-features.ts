import {
  CLIENT_COMMANDS,
  cvarName,
  decimals,
  percent,
  signed,
  tailName,
} from '../../protocol/index.js';
import {
  FoldingRangeKind,
  InlayHintKind,
  SymbolKind,
  type CodeLens,
  type DocumentSymbol,
  type FoldingRange,
  type InlayHint,
  type Range,
} from 'vscode-languageserver';
import { visible } from '../../audit/report/index.js';
import type { OpenAudit } from '../../live/text/open-audit.js';
import { toRange } from './ranges.js';
import type { RowEntry } from '../../live/text/row-entry.js';

/** Lenses and symbols of all rows up to this many; beyond, of those near the screen. */
const ALL_ROWS = 2000;
const NEAR = 150;

function nearby(audit: OpenAudit): RowEntry[] {
  const rows = audit.entries.all();
  if (rows.length <= ALL_ROWS) return rows;
  const shown = audit.visibleRanges;
  return rows.filter((e) =>
    shown.some(({ from, to }) => e.line <= to + NEAR && e.endLine >= from - NEAR),
  );
}

/** One lens a pair: its margin and P(chosen beats rejected). Any other response: its own figures. */
export function codeLenses(audit: OpenAudit): CodeLens[] {
  const { ledger } = audit;
  if (ledger === undefined) return [];
  const { table } = ledger;
  return nearby(audit).flatMap((entry): CodeLens[] => {
    const chosen = entry.ids.find((id) => table.kindOf(id) === 'chosen');
    const rejected = chosen === undefined ? undefined : table.partner(chosen);
    if (chosen === undefined || rejected === undefined || Number.isNaN(table.beats.get(chosen)))
      return entry.isPair ? [] : answerLenses(audit, entry.ids);
    const margin = table.expectation.get(chosen) - table.expectation.get(rejected);
    const title = `margin ${signed(margin)} · P(chosen beats rejected) ${percent(table.beats.get(chosen))}`;
    const at = { line: entry.line, character: 0 };
    return [
      {
        range: { start: at, end: at },
        command: {
          title,
          command: CLIENT_COMMANDS.openDetail,
          arguments: [{ uri: audit.uri, epoch: audit.epoch, response: chosen }],
        },
      },
    ];
  });
}

/** Of a row of many completions the first ones: a line has room for no more. */
const LENSES_A_ROW = 50;

/** What is known of single responses: of a short chat there is no finding, since nothing compares. */
function answerLenses(audit: OpenAudit, ids: readonly number[]): CodeLens[] {
  const { ledger } = audit;
  if (ledger === undefined) return [];
  const { table, options } = ledger;
  const shape = table.levels.length > 1;
  return ids
    .filter((id) => table.scored(id))
    .slice(0, LENSES_A_ROW)
    .map((id) => {
      const mean = decimals(table.expectation.get(id));
      const title = shape
        ? `${tailName(options.tau)} ${decimals(table.tail.get(id))} · mean ${mean} · q95 − q05 ${decimals(table.spread.get(id))}`
        : `score ${mean}`;
      const at = { line: audit.spot(id).line, character: 0 };
      return {
        range: { start: at, end: at },
        command: {
          title,
          command: CLIENT_COMMANDS.openDetail,
          arguments: [{ uri: audit.uri, epoch: audit.epoch, response: id }],
        },
      };
    });
}

/** The left tail after each response of the range. */
export function inlayHints(audit: OpenAudit, range: Range): InlayHint[] {
  const { ledger } = audit;
  if (ledger === undefined) return [];
  const { table, options } = ledger;
  return audit.entries.within(range.start.line, range.end.line).flatMap((entry) =>
    entry.ids
      .filter((id) => table.scored(id))
      .map((id) => ({
        position: toRange(audit.spot(id)).end,
        label: `${tailName(options.tau)} ${decimals(table.tail.get(id))}`,
        kind: InlayHintKind.Type,
        paddingLeft: true,
        tooltip: `mean ${decimals(table.expectation.get(id))}, ${cvarName(options.cvarLevel)} ${decimals(table.cvar.get(id))}`,
      })),
  );
}

const rowRange = (audit: OpenAudit, entry: RowEntry): Range => ({
  start: { line: entry.line, character: 0 },
  end: { line: entry.endLine, character: audit.document.line(entry.endLine).length },
});

export function documentSymbols(audit: OpenAudit): DocumentSymbol[] {
  const { table } = audit.ledger ?? {};
  return nearby(audit).map((entry) => {
    const range = rowRange(audit, entry);
    const what = entry.state === 'bad' ? 'not read' : entry.isPair ? 'pair' : 'row';
    const children = entry.ids.map((id): DocumentSymbol => {
      const spot = toRange(audit.spot(id));
      const label = table?.label(id) ?? '';
      return {
        name: visible(label === '' ? (table?.kindOf(id) ?? 'response') : label).slice(0, 100),
        ...(table?.scored(id) === true && { detail: decimals(table.tail.get(id)) }),
        kind: SymbolKind.String,
        range: spot,
        selectionRange: spot,
      };
    });
    return {
      name: `Row ${entry.row + 1} (${what})`,
      kind: SymbolKind.Object,
      range,
      selectionRange: range,
      children,
    };
  });
}

/** A fold for each row of several lines, and for each turn of several lines in a transcript. */
export function foldingRanges(audit: OpenAudit): FoldingRange[] {
  const folds: FoldingRange[] = [];
  const fold = (from: number, to: number) => {
    if (to > from) folds.push({ startLine: from, endLine: to, kind: FoldingRangeKind.Region });
  };
  for (const entry of audit.entries.all()) {
    fold(entry.line, entry.endLine);
    if (entry.span === 0 || audit.container !== 'markdown') continue;
    for (const conversation of entry.data?.conversations ?? [])
      for (const turn of conversation.turns)
        if (turn.place !== undefined) fold(turn.place.line, turn.place.endLine);
  }
  return folds;
}
