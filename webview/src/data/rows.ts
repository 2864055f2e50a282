import {
  FINDING_CODES,
  FINDING_SEVERITIES,
  REMOVED_KIND,
} from '../../../server/src/protocol/index.js';
import type { Selection } from './brush.js';
import type { Document } from './documents.js';
import { floatKey, sortByKey, wordKey } from './sort.js';

export const NO_FINDING = 255;
/** What the table lists: findings, or every response whether it has findings or not. */
export type Listing = 'findings' | 'responses';
export const SORTS = [
  'severity',
  'code',
  'line',
  'kind',
  'tail',
  'expectation',
  'beats',
  'spread',
] as const;
export type SortName = (typeof SORTS)[number];

export interface TableFilter {
  readonly listing: Listing;
  /** Bit c set: show findings of FINDING_CODES[c]. */
  readonly codes: number;
  /** Bit s set: show findings of FINDING_SEVERITIES[s]. */
  readonly severities: number;
  readonly sort: SortName;
  readonly descending: boolean;
}

export const ALL_CODES = (1 << FINDING_CODES.length) - 1;
export const ALL_SEVERITIES = (1 << FINDING_SEVERITIES.length) - 1;
export const DEFAULT_FILTER: TableFilter = {
  listing: 'findings',
  codes: ALL_CODES,
  severities: ALL_SEVERITIES,
  sort: 'severity',
  descending: false,
};

/** The table's rows in columns; `order` holds those that pass the filter, in the order shown. */
export interface Rows {
  readonly length: number;
  readonly document: Uint8Array;
  readonly response: Uint32Array;
  /** NO_FINDING in a listing of responses without one. */
  readonly code: Uint8Array;
  readonly severity: Uint8Array;
  readonly order: Uint32Array;
}

export type KeepRow = (document: number, response: number, code: number) => boolean;

/**
 * Lists, filters and sorts in single passes over numbers: a million rows take well under a second.
 * @param selections brushed responses per document; undefined: all.
 * @param keep a last test, for text; undefined: all.
 */
export function buildRows(
  documents: readonly Document[],
  filter: TableFilter,
  selections: readonly (Selection | undefined)[],
  keep?: KeepRow,
): Rows {
  const all = list(documents, filter.listing);
  const wanted = new Uint32Array(all.length);
  let n = 0;
  for (let i = 0; i < all.length; i++) {
    const d = all.document[i] as number;
    const r = all.response[i] as number;
    const code = all.code[i] as number;
    const selection = selections[d];
    if (selection !== undefined && selection.keep[r] !== 1) continue;
    if (code !== NO_FINDING) {
      if ((filter.codes & (1 << code)) === 0) continue;
      if ((filter.severities & (1 << (all.severity[i] as number))) === 0) continue;
    } else if (filter.codes !== ALL_CODES || filter.severities !== ALL_SEVERITIES) continue;
    if (keep !== undefined && !keep(d, r, code)) continue;
    wanted[n++] = i;
  }
  return { ...all, order: sorted(all, documents, wanted.subarray(0, n), filter) };
}

type Listed = Omit<Rows, 'order'>;

/** The last listing: filters and sorting change more often than what there is to list. */
const listings = new WeakMap<Document, { key: string; listed: Listed }>();
function list(documents: readonly Document[], listing: Listing): Listed {
  const [first] = documents;
  if (first === undefined) return columns(0);
  const key = [listing, ...documents.map((d) => `${d.version} ${d.summary.uri}`)].join(' ');
  const known = listings.get(first);
  if (known?.key === key) return known.listed;
  const listed = listing === 'responses' ? listResponses(documents) : listFindings(documents);
  listings.set(first, { key, listed });
  return listed;
}

function listFindings(documents: readonly Document[]): Listed {
  const length = documents.reduce((sum, d) => sum + d.findings.length, 0);
  const made = columns(length);
  let at = 0;
  for (const [d, { findings }] of documents.entries()) {
    made.document.fill(d, at, at + findings.length);
    made.response.set(findings.response.subarray(0, findings.length), at);
    made.code.set(findings.code.subarray(0, findings.length), at);
    made.severity.set(findings.severity.subarray(0, findings.length), at);
    at += findings.length;
  }
  return made;
}

/** Every response once, with its gravest finding if it has any. */
function listResponses(documents: readonly Document[]): Listed {
  const made = columns(documents.reduce((sum, d) => sum + d.responses.length, 0));
  let at = 0;
  for (const [d, { findings, responses }] of documents.entries()) {
    const start = at;
    const place = new Uint32Array(responses.length);
    for (let i = 0; i < responses.length; i++) {
      if (responses.kind[i] === REMOVED_KIND) continue;
      place[i] = at;
      made.document[at] = d;
      made.response[at] = i;
      made.code[at] = NO_FINDING;
      made.severity[at] = NO_FINDING;
      at++;
    }
    for (let f = 0; f < findings.length; f++) {
      const r = findings.response[f] as number;
      if (r >= responses.length || responses.kind[r] === REMOVED_KIND) continue;
      const p = Math.max(place[r] as number, start);
      if ((findings.severity[f] as number) < (made.severity[p] as number)) {
        made.severity[p] = findings.severity[f] as number;
        made.code[p] = findings.code[f] as number;
      }
    }
  }
  return { ...made, length: at };
}

function columns(length: number): Listed {
  return {
    length,
    document: new Uint8Array(length),
    response: new Uint32Array(length),
    code: new Uint8Array(length),
    severity: new Uint8Array(length),
  };
}

function sorted(
  all: Listed,
  documents: readonly Document[],
  items: Uint32Array,
  { sort, descending }: Pick<TableFilter, 'sort' | 'descending'>,
): Uint32Array {
  // Of the same severity the lowest tail first: the gravest stand on top.
  if (sort === 'severity')
    items = sorted(all, documents, items, { sort: 'tail', descending: false });
  const keys = new Uint32Array(items.length);
  for (let n = 0; n < items.length; n++) {
    const i = items[n] as number;
    keys[n] = keyOf(all, documents, i, sort, descending);
  }
  return sortByKey(items, keys);
}

function keyOf(
  all: Listed,
  documents: readonly Document[],
  i: number,
  sort: SortName,
  down: boolean,
): number {
  const { responses } = documents[all.document[i] as number] as Document;
  const r = all.response[i] as number;
  switch (sort) {
    case 'severity':
      return wordKey(all.severity[i] as number, down);
    case 'code':
      return wordKey(all.code[i] as number, down);
    case 'line':
      return wordKey(responses.line[r] ?? 0, down);
    case 'kind':
      return wordKey(responses.kind[r] ?? 0, down);
    case 'beats':
      return floatKey(responses.pairBeats(r), down);
    default:
      return floatKey(responses[sort][r] ?? Number.NaN, down);
  }
}
