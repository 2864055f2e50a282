import {
  FINDING_CODES,
  FINDING_SEVERITIES,
  PAGES,
  type PageName,
  type PersistedState,
} from '../../server/src/protocol/index.js';
import type { Brush, Range } from './data/brush.js';
import { MEASURES } from './data/responses.js';
import { DEFAULT_FILTER, SORTS, type SortName, type TableFilter } from './data/rows.js';

/** What the dashboard keeps over a reload besides its documents. */
export interface DashboardState extends TableFilter {
  readonly text: string;
  readonly brush: Brush;
}

/** What the detail view keeps: undefined follows the settings of the audit. */
export interface DetailState {
  readonly tau: number | undefined;
  readonly lambda: number | undefined;
}

export const EMPTY_DASHBOARD: DashboardState = { ...DEFAULT_FILTER, text: '', brush: {} };

type Fields = Readonly<Record<string, unknown>>;
const fields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};
const finite = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

/** A state that an older version kept, or nobody: every field is checked, a bad one is the default. */
export function readState(value: unknown): PersistedState | undefined {
  const { page, uris, filters, saved } = fields(value);
  const known = PAGES.find((name) => name === page);
  if (known === undefined) return undefined;
  if (!Array.isArray(uris) || !uris.every((u) => typeof u === 'string')) return undefined;
  const time = finite(saved);
  return {
    page: known,
    uris: uris as string[],
    filters,
    ...(time !== undefined && { saved: time }),
  };
}

export function readDashboard(filters: unknown): DashboardState {
  const f = fields(filters);
  const brush = fields(f.brush);
  const ranges: Partial<Record<(typeof MEASURES)[number], Range>> = {};
  for (const name of MEASURES) {
    const range = readRange(brush[name]);
    if (range !== undefined) ranges[name] = range;
  }
  return {
    listing: f.listing === 'responses' ? 'responses' : 'findings',
    codes: readNames(f.codes, FINDING_CODES, CODES_BY_BIT),
    severities: readNames(f.severities, FINDING_SEVERITIES, SEVERITIES_BY_BIT),
    sort: SORTS.includes(f.sort as SortName) ? (f.sort as SortName) : DEFAULT_FILTER.sort,
    descending: f.descending === true,
    text: typeof f.text === 'string' ? f.text.slice(0, 1000) : '',
    brush: ranges,
  };
}

/**
 * What `readDashboard` reads: names, since a later version may list them in another order. "All" is left out, so that
 * codes that a later version adds are shown.
 */
export function keptDashboard(state: DashboardState) {
  return {
    ...state,
    codes: namesOf(state.codes, FINDING_CODES),
    severities: namesOf(state.severities, FINDING_SEVERITIES),
  };
}

export function readDetail(filters: unknown): DetailState {
  const f = fields(filters);
  const tau = finite(f.tau);
  const lambda = finite(f.lambda);
  return {
    tau: tau !== undefined && tau > 0 && tau < 1 ? tau : undefined,
    lambda: lambda !== undefined && lambda >= 0 ? lambda : undefined,
  };
}

/** What the policy preview keeps: undefined follows from the samples. */
export interface PolicyState {
  readonly beta: number | undefined;
  readonly lambda: number | undefined;
}

export function readPolicy(filters: unknown): PolicyState {
  const f = fields(filters);
  const [beta, lambda] = [finite(f.beta), finite(f.lambda)];
  return {
    beta: beta !== undefined && beta > 0 ? beta : undefined,
    lambda: lambda !== undefined && lambda >= 0 ? lambda : undefined,
  };
}

/** Which suite and which of its rows the evaluation shows: undefined is the first. */
export interface EvaluationState {
  readonly suite: number | undefined;
  readonly row: number | undefined;
}

export function readEvaluation(filters: unknown): EvaluationState {
  const f = fields(filters);
  const index = (value: unknown): number | undefined =>
    Number.isInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
  return { suite: index(f.suite), row: index(f.row) };
}

function readRange(value: unknown): Range | undefined {
  if (!Array.isArray(value)) return undefined;
  const low = finite(value[0]);
  const high = finite(value[1]);
  return low !== undefined && high !== undefined && low <= high ? [low, high] : undefined;
}

/** What the bits of a number meant in states that were kept before names were: these lists never change. */
const CODES_BY_BIT = [
  'low-left-tail',
  'inverted-pair',
  'ambiguous-pair',
  'wide-distribution',
  'multimodal',
  'truncated',
  'duplicate-response',
  'malformed-row',
  'unscored',
];
const SEVERITIES_BY_BIT = ['error', 'warning', 'info'];

const allOf = (names: readonly string[]): number => (1 << names.length) - 1;

function namesOf(bits: number, names: readonly string[]): string[] | undefined {
  return bits === allOf(names) ? undefined : names.filter((_, n) => (bits & (1 << n)) !== 0);
}

/**
 * The bits of names; names that this version does not know are passed over, and all are meant where none is left.
 * @param byBit what the bits of a number meant
 */
function readNames(value: unknown, names: readonly string[], byBit: readonly string[]): number {
  const bits = finite(value);
  const kept = bits === undefined ? value : byBit.filter((_, n) => (bits & (1 << n)) !== 0);
  if (!Array.isArray(kept)) return allOf(names);
  const found = names.reduce((sum, name, n) => (kept.includes(name) ? sum | (1 << n) : sum), 0);
  return found === 0 ? allOf(names) : found;
}

export function persisted(page: PageName, uris: readonly string[], filters: unknown) {
  return { page, uris, filters, saved: Date.now() } satisfies PersistedState;
}
