import type { ThemeKind } from './settings.js';
import type {
  AuditSummary,
  ColumnsParams,
  Contributions,
  ContributionsParams,
  DetailResult,
  FindingBatch,
  FindingsParams,
  ProblemBatch,
  ProblemsParams,
  ResponseParams,
  ResponseText,
  TextsParams,
  ViewFinding,
  WireColumnBatch,
  WirePolicySamples,
} from './audits.js';
import type { FindingCode } from './finding-codes.js';
import type { ModelInfo, ResponseKind, TextSpot } from './words.js';

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
  /** What was found of each execution provider, without looking again where nothing has changed. */
  devices: { params: undefined; answer: readonly DeviceFinding[] };
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
  devices: 'qrmLens/devices',
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
  /** Tokens per second likewise, of what was newly scored. */
  readonly tokenRate?: number;
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
  readonly code: FindingCode;
}
export interface IgnoreResult {
  /** The ignore file that was written. */
  readonly path: string;
}

export interface DoctorResult {
  /** Markdown, ready to show. */
  readonly markdown: string;
}
export interface DeviceFinding {
  readonly name: string;
  readonly available: boolean;
  readonly chosen: boolean;
  readonly reason: string;
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
