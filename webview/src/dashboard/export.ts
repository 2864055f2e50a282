import {
  count,
  FINDING_CODES,
  FINDING_SEVERITIES,
  RESPONSE_KINDS,
  type ResponseText,
} from '../../../server/src/protocol/index.js';
import { csv, type Cell } from '../data/csv.js';
import type { Document } from '../data/documents.js';
import type { Rows } from '../data/rows.js';
import type { Texts } from './texts.js';

/** Beyond this, texts stay out: they would have to pass through the page all at once. */
export const MOST_WITH_TEXT = 20_000;
const CHUNK = 512;

const HEADER = [
  'file',
  'row',
  'line',
  'conversation',
  'turn',
  'kind',
  'code',
  'severity',
  'expectation',
  'q_tau',
  'cvar',
  'spread',
  'certainty_equivalent',
  'modes',
  'p_chosen_beats_rejected',
  'margin',
  'tokens',
];

/** The rows of the table in their order, as CSV; lines and rows count from 1. */
export async function exportRows(
  rows: Rows,
  documents: readonly Document[],
  texts: Texts,
  say: (text: string) => void,
): Promise<string> {
  const withText = rows.order.length <= MOST_WITH_TEXT;
  if (!withText) {
    say(
      `${count(rows.order.length)} rows: exported without texts (they go with up to ${count(MOST_WITH_TEXT)} rows; Export Report has them all).`,
    );
  }
  const out: Cell[][] = [];
  for (let at = 0; at < rows.order.length; at += CHUNK) {
    const part = rows.order.subarray(at, at + CHUNK);
    const found = withText
      ? await load(rows, part, documents, texts)
      : new Map<number, ResponseText>();
    for (const i of part)
      out.push(line(rows, i, documents, withText ? (found.get(i) ?? null) : undefined));
  }
  return csv(withText ? [...HEADER, 'message', 'text'] : HEADER, out);
}

async function load(rows: Rows, part: Uint32Array, documents: readonly Document[], texts: Texts) {
  const found = new Map<number, ResponseText>();
  for (const [n, d] of documents.entries()) {
    const items = [...part].filter((i) => rows.document[i] === n);
    const loaded = await texts.load(
      d,
      items.map((i) => rows.response[i] as number),
    );
    items.forEach((i, k) => {
      const text = loaded[k];
      if (text) found.set(i, text);
    });
  }
  return found;
}

function line(
  rows: Rows,
  i: number,
  documents: readonly Document[],
  text: ResponseText | null | undefined,
): Cell[] {
  const d = documents[rows.document[i] as number] as Document;
  const r = rows.response[i] as number;
  const c = d.responses;
  const at = (column: ArrayLike<number>): number => column[r] ?? Number.NaN;
  const short = (column: ArrayLike<number>): number => +at(column).toPrecision(7);
  const code = FINDING_CODES[rows.code[i] as number] ?? '';
  const cells: Cell[] = [
    d.name,
    at(c.row) + 1,
    at(c.line) + 1,
    at(c.conversation),
    at(c.target),
    RESPONSE_KINDS[at(c.kind)] ?? '',
    code,
    FINDING_SEVERITIES[rows.severity[i] as number] ?? '',
    ...[c.expectation, c.tail, c.cvar, c.spread, c.certaintyEquivalent].map(short),
    at(c.modes),
    +c.pairBeats(r).toPrecision(7),
    +c.pairMargin(r).toPrecision(7),
    at(c.tokens),
  ];
  if (text === undefined) return cells;
  const message = text?.findings.find((f) => f.code === code)?.message ?? '';
  return [...cells, message, text?.excerpt ?? ''];
}
