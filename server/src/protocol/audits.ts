import type { FindingCode } from './finding-codes.js';
import type { FindingSeverity, ModelInfo, ResponseKind, TextSpot } from './words.js';

// What is told of an audit: its summary, numbers, findings and texts.

export type AuditState = 'waiting' | 'running' | 'done' | 'cancelled' | 'failed';
/** A rule's limit as it stands now. */
export interface ThresholdInfo {
  readonly code: FindingCode;
  /** In the figure's own unit; NaN (null in JSON) when too few responses are scored. */
  readonly value: number | null;
  /** "the dataset's lowest 5 %", "set by you". */
  readonly words: string;
}

/** What is known of an audit as a whole; small, sent often. */
export interface AuditSummary {
  readonly uri: string;
  readonly state: AuditState;
  readonly error?: string;
  /** Response numbers of another epoch mean nothing: drop all columns and fetch from revision 0. */
  readonly epoch: number;
  /** Grows with every scored or changed response: the next `from` of `columns`. */
  readonly revision: number;
  /** Grows when the list of findings changed. */
  readonly findingsRevision: number;
  readonly rows: number;
  /** Response numbers are 0..responses-1 (dead ones included). */
  readonly responses: number;
  /** Responses that are there now. */
  readonly live: number;
  readonly scored: number;
  readonly fromStore: number;
  /** Responses per second; seconds left (null when the total is not known). */
  readonly rate: number;
  readonly secondsLeft: number | null;
  /** Share done in [0, 1], null when the total is not known. */
  readonly fraction: number | null;
  readonly counts: Readonly<Record<FindingCode, number>>;
  readonly thresholds: readonly ThresholdInfo[];
  readonly tau: number;
  readonly lambda: number;
  /** Share of the worst rewards that CVaR averages. */
  readonly cvarLevel: number;
  readonly model?: ModelInfo;
}

export interface ColumnsParams {
  readonly uri: string;
  readonly epoch: number;
  /** Position in the log of changes: 0, then the last answer's `next`. */
  readonly from: number;
  readonly limit: number;
}
/** As ColumnBatch, each array as base64 of its little-endian bytes. */
export type WireColumnBatch = {
  readonly [K in keyof ColumnBatch]: ColumnBatch[K] extends ArrayBufferView
    ? string
    : ColumnBatch[K];
};
/**
 * Numbers of the responses `ids`, in the order of scoring: row n of every array belongs to ids[n].
 * A response comes again when it was scored again; one whose `kind` is REMOVED_KIND no longer exists.
 */
export interface ColumnBatch {
  readonly uri: string;
  readonly epoch: number;
  /** Position in the log after this batch; more is to fetch while it is below the summary's revision. */
  readonly next: number;
  readonly ids: Uint32Array;
  readonly expectation: Float32Array;
  /** q_tau. */
  readonly tail: Float32Array;
  readonly cvar: Float32Array;
  /** q95 - q05. */
  readonly spread: Float32Array;
  /** -log(-U)/lambda. */
  readonly certaintyEquivalent: Float32Array;
  /** P(chosen beats rejected), on the chosen response of a pair; NaN elsewhere. */
  readonly beats: Float32Array;
  /** Expectation of chosen minus that of rejected, on the chosen response; NaN elsewhere. */
  readonly margin: Float32Array;
  /** Index into RESPONSE_KINDS, or REMOVED_KIND. */
  readonly kind: Uint8Array;
  readonly modes: Uint8Array;
  readonly row: Uint32Array;
  readonly line: Uint32Array;
  /** Index of the conversation in its row, and of the turn in its conversation. */
  readonly conversation: Uint32Array;
  readonly target: Uint32Array;
  /** The other half of the pair, `NO_PARTNER` when none. */
  readonly partner: Uint32Array;
  readonly tokens: Uint32Array;
}

export interface FindingsParams {
  readonly uri: string;
  readonly epoch: number;
  readonly from: number;
  readonly limit: number;
}
/** A finding in a list: its message is asked for with the texts. */
export interface FindingBatch {
  readonly uri: string;
  readonly epoch: number;
  readonly findingsRevision: number;
  /** Findings in all (of responses). */
  readonly total: number;
  readonly from: number;
  readonly response: readonly number[];
  /** Index into FINDING_CODES. */
  readonly code: readonly number[];
  /** Index into FINDING_SEVERITIES. */
  readonly severity: readonly number[];
}

export interface ProblemsParams {
  readonly uri: string;
  readonly from: number;
  readonly limit: number;
}
/** Where a row that could not be read stands. */
export interface ViewProblem extends TextSpot {
  /** The row's ordinal, where it has one. */
  readonly row?: number;
  readonly severity: FindingSeverity;
  readonly message: string;
}
export interface ProblemBatch {
  readonly uri: string;
  readonly from: number;
  /** Problems that are kept; of very many only the first are. */
  readonly total: number;
  readonly problems: readonly ViewProblem[];
}

export interface TextsParams {
  readonly uri: string;
  readonly epoch: number;
  readonly responses: readonly number[];
}
export interface ViewFinding {
  readonly code: FindingCode;
  readonly severity: FindingSeverity;
  readonly message: string;
  readonly related?: number;
}
/** Text of a dataset is data: show it with textContent only. */
export interface ResponseText {
  readonly response: number;
  /** The response's beginning, at most 300 UTF-16 units. */
  readonly excerpt: string;
  readonly label: string;
  readonly findings: readonly ViewFinding[];
}

/** As PolicySamples, each array as base64 of its little-endian bytes. */
export type WirePolicySamples = {
  readonly [K in keyof PolicySamples]: PolicySamples[K] extends ArrayBufferView
    ? string
    : PolicySamples[K];
};
/** Several scored responses to each prompt of a document: sample n is response `responses[n]`. */
export interface PolicySamples {
  readonly uri: string;
  readonly epoch: number;
  /** Of the audit when they were taken. */
  readonly revision: number;
  readonly levels: readonly number[];
  /** The samples of prompt p are offsets[p] to offsets[p + 1]; length prompts + 1. */
  readonly offsets: Uint32Array;
  readonly responses: Uint32Array;
  /** Sorted, row n*K+k. */
  readonly quantiles: Float32Array;
  readonly expectation: Float32Array;
  readonly tokens: Uint32Array;
  /** Rows of the file, by prompt. */
  readonly rows: Uint32Array;
  /** Prompts beyond those that a view takes. */
  readonly more: number;
}

export interface ResponseParams {
  readonly uri: string;
  readonly epoch: number;
  readonly response: number;
}
/** One response with its raw score, for the detail view. */
export interface ResponseDetail {
  readonly uri: string;
  readonly epoch: number;
  readonly response: number;
  readonly row: number;
  readonly spot: TextSpot;
  readonly kind: ResponseKind;
  readonly label: string;
  /** At most 4,000 UTF-16 units. */
  readonly excerpt: string;
  readonly tokens: number;
  readonly truncatedTokens: number;
  /** Q_mix, raw (may cross), length K. */
  readonly quantiles: readonly number[];
  /** Adjusted, raw, row m*K+k, length M*K. */
  readonly attributeQuantiles: readonly number[];
  /** Length M. */
  readonly gate: readonly number[];
  readonly expectation: number;
  /** Share of the file's scored responses with a lower q_tau, in [0, 1]; null while too few are scored. */
  readonly percentile: number | null;
  readonly findings: readonly ViewFinding[];
}
/** A response and the other half of its pair (`partner` is the rejected one when `detail` is chosen). */
export interface DetailResult {
  readonly detail: ResponseDetail | null;
  readonly partner?: ResponseDetail;
  readonly attributes: readonly string[];
  readonly levels: readonly number[];
  /** Why there is no detail (not scored yet, or the error). */
  readonly reason?: string;
}

export interface ContributionsParams {
  readonly uri: string;
  readonly epoch: number;
  /** The responses brushed; absent: all. A sample of at most 2,000 is read. */
  readonly responses?: readonly number[];
}
/** Mean over the sample of gate_m * mean_k adjusted[m,k]: they add up to the mean expectation. */
export interface Contributions {
  readonly uri: string;
  readonly sample: number;
  /** Length M, in the reward's unit. */
  readonly mean: readonly number[];
  /** Length M: mean gate weight. */
  readonly gate: readonly number[];
}
