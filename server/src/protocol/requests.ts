import type { ThemeKind } from './settings.js';
import type {
  FindingCodeName,
  FindingSeverity,
  ModelInfo,
  ResponseKind,
  TextSpot,
} from './words.js';

/** Every request of our own, client to server: its parameters and its answer. */
export interface Requests {
  audit: { params: AuditParams; answer: AuditSummary };
  cancel: { params: UriParams; answer: void };
  auditFolder: { params: AuditFolderParams; answer: AuditFolderResult };
  /** Null: the document has no audit. */
  summary: { params: UriParams; answer: AuditSummary | null };
  columns: { params: ColumnsParams; answer: WireColumnBatch };
  findings: { params: FindingsParams; answer: FindingBatch };
  /** Rows that could not be read. */
  problems: { params: ProblemsParams; answer: ProblemBatch };
  texts: { params: TextsParams; answer: readonly ResponseText[] };
  detail: { params: ResponseParams; answer: DetailResult };
  /** Null: the response is no longer there. */
  spot: { params: ResponseParams; answer: RowSpot | null };
  contributions: { params: ContributionsParams; answer: Contributions | null };
  policy: { params: UriParams; answer: WirePolicySamples };
  /** Null: there is no response at the position. */
  locate: { params: LocateParams; answer: LocateResult | null };
  rows: { params: RowsParams; answer: RowsResult };
  /** The text of a compressed file. */
  unpack: { params: UriParams; answer: { readonly text: string } };
  exportReport: { params: ExportParams; answer: ExportResult };
  ignore: { params: IgnoreParams; answer: IgnoreResult };
  doctor: { params: undefined; answer: DoctorResult };
  models: { params: undefined; answer: readonly ModelChoice[] };
  /** Reward models of the hub that are known to run here. Asks nothing of the network. */
  hubModels: { params: undefined; answer: HubModels };
  /** What a model of the hub costs, asked of the hub. Refused in an untrusted workspace, as `pullModel`. */
  hubCost: { params: HubModelParams; answer: HubCost };
  /** Downloads a model of the hub, with progress; cancelled, it goes on from there the next time. */
  pullModel: { params: PullModelParams; answer: PullModelResult };
  clearScores: { params: undefined; answer: ClearScoresResult };
  clearFindings: { params: ClearFindingsParams; answer: ClearFindingsResult };
}
export type RequestName = keyof Requests;

/** Client to server, without an answer. */
export interface ToServer {
  visibleRanges: VisibleRangesParams;
  theme: ThemeParams;
}
/** Server to client, without an answer. */
export interface ToClient {
  status: StatusParams;
  changed: AuditSummary;
}

/** Names on the wire. */
export const METHODS = {
  audit: 'qrmLens/audit',
  cancel: 'qrmLens/cancel',
  auditFolder: 'qrmLens/auditFolder',
  summary: 'qrmLens/summary',
  columns: 'qrmLens/columns',
  findings: 'qrmLens/findings',
  problems: 'qrmLens/problems',
  texts: 'qrmLens/texts',
  detail: 'qrmLens/detail',
  spot: 'qrmLens/spot',
  contributions: 'qrmLens/contributions',
  policy: 'qrmLens/policy',
  locate: 'qrmLens/locate',
  rows: 'qrmLens/rows',
  unpack: 'qrmLens/unpack',
  exportReport: 'qrmLens/export',
  ignore: 'qrmLens/ignore',
  doctor: 'qrmLens/doctor',
  models: 'qrmLens/models',
  hubModels: 'qrmLens/hubModels',
  hubCost: 'qrmLens/hubCost',
  pullModel: 'qrmLens/pullModel',
  clearScores: 'qrmLens/clearScores',
  clearFindings: 'qrmLens/clearFindings',
  visibleRanges: 'qrmLens/visibleRanges',
  theme: 'qrmLens/theme',
  status: 'qrmLens/status',
  changed: 'qrmLens/changed',
} as const satisfies Record<RequestName | keyof ToServer | keyof ToClient, string>;

export const EXPORT_FORMATS = ['html', 'sarif', 'json', 'jsonl', 'csv', 'parquet'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Server to client: what the language status item shows. */
export interface StatusParams {
  readonly state: 'idle' | 'loading' | 'scoring' | 'error';
  readonly model?: ModelInfo;
  /** Responses waiting for a score, all documents. */
  readonly queue: number;
  /** Responses per second over the last seconds; 0 when idle. */
  readonly rate: number;
  /** What is being loaded, or the error in plain words. */
  readonly message?: string;
}

export interface UriParams {
  readonly uri: string;
}
export interface AuditParams {
  readonly uri: string;
  /** Only rows that touch these lines (both ends included); default the whole file. */
  readonly lines?: readonly { readonly from: number; readonly to: number }[];
  readonly workDoneToken?: string | number;
}
export interface AuditFolderParams {
  readonly uri: string;
  readonly workDoneToken?: string | number;
}
export interface AuditFolderResult {
  readonly audits: readonly AuditSummary[];
  /** Files that could not be audited, and why. */
  readonly failed: readonly { readonly uri: string; readonly error: string }[];
}

export type AuditState = 'waiting' | 'running' | 'done' | 'cancelled' | 'failed';
/** A rule's limit as it stands now. */
export interface ThresholdInfo {
  readonly code: FindingCodeName;
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
  readonly counts: Readonly<Partial<Record<FindingCodeName, number>>>;
  readonly thresholds: readonly ThresholdInfo[];
  readonly tau: number;
  readonly lambda: number;
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
  /** The other half of the pair, 0xffffffff when none. */
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
  readonly code: FindingCodeName;
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

export interface LocateParams {
  readonly uri: string;
  readonly line: number;
  readonly column: number;
}
/** Where a response stands, and its row's ordinal. */
export interface RowSpot extends TextSpot {
  readonly row: number;
}
export interface LocateResult {
  readonly epoch: number;
  readonly response: number;
}

/** Rows of a file that has no text in an editor (Parquet). */
export interface RowsParams {
  readonly uri: string;
  readonly from: number;
  readonly limit: number;
}
export interface RowTurn {
  readonly role: string;
  readonly content: string;
  /** Where it is a response that was scored. */
  readonly score?: {
    /** q_tau. */
    readonly tail: number;
    readonly expectation: number;
    readonly findings: readonly ViewFinding[];
  };
}
export interface RowsResult {
  /** Rows of the file, null when not known yet. */
  readonly total: number | null;
  readonly rows: readonly {
    readonly row: number;
    readonly conversations: readonly {
      readonly kind: ResponseKind;
      readonly label: string;
      readonly turns: readonly RowTurn[];
    }[];
    readonly problem?: string;
  }[];
}

export interface ExportParams {
  readonly uri: string;
  readonly format: ExportFormat;
  /** File to write. */
  readonly path: string;
  readonly workDoneToken?: string | number;
}
export interface ExportResult {
  readonly path: string;
  readonly bytes: number;
  readonly findings: number;
}

export interface IgnoreParams {
  readonly uri: string;
  readonly epoch: number;
  readonly response: number;
  readonly code: FindingCodeName;
}
export interface IgnoreResult {
  /** The ignore file that was written. */
  readonly path: string;
}

export interface DoctorResult {
  /** Markdown, ready to show. */
  readonly markdown: string;
}
export interface ModelChoice {
  readonly name: string;
  readonly path: string;
  readonly description: string;
  readonly embedded: boolean;
}
/** Sizes in bytes. */
export interface HubModels {
  /** Of this machine. */
  readonly memory: number;
  /** Free where the hub's cache is; null where that cannot be told. */
  readonly disk: number | null;
  readonly models: readonly HubModel[];
}
export interface HubModel {
  readonly name: string;
  readonly attributes: number;
  /** Quantile levels; 1 is one number a response. */
  readonly levels: number;
  readonly licence: string;
  readonly download: number;
  /** Memory while it runs, in either precision. */
  readonly int8: number;
  readonly float32: number;
  /** Which of the two this machine's memory holds. */
  readonly fits: readonly ('float32' | 'int8')[];
  readonly cached: boolean;
}
export interface HubModelParams {
  /** `org/name` or `org/name@revision` */
  readonly name: string;
}
export interface HubCost {
  /** Bytes of the weights, and of those what is not here yet. */
  readonly download: number;
  readonly missing: number;
  /** Bytes that a conversion to int8 writes beside them, about. */
  readonly converted: number;
  /** Memory while it runs. */
  readonly int8: number;
  readonly float32: number;
}
export interface PullModelParams extends HubModelParams {
  readonly workDoneToken?: string | number;
}
export interface PullModelResult {
  /** The snapshot's folder. */
  readonly path: string;
}
export interface ClearScoresResult {
  readonly entries: number;
}
export interface ClearFindingsParams {
  /** Files, and folders with all that is in them. */
  readonly uris: readonly string[];
}
export interface ClearFindingsResult {
  /** The documents that had an audit. */
  readonly uris: readonly string[];
}
export interface VisibleRangesParams {
  readonly uri: string;
  readonly ranges: readonly { readonly from: number; readonly to: number }[];
}
export interface ThemeParams {
  readonly kind: ThemeKind;
}
