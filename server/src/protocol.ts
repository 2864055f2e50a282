/**
 * Everything that crosses a process: the language server's own requests and notifications (method
 * names in `METHODS`), and the messages between the extension and its webviews.
 *
 * Words: a *response* is an assistant turn that is scored; its number is stable within an `epoch` of
 * its audit. Lines and columns are zero-based, columns in UTF-16 units. Rewards, quantiles, tails,
 * CVaR and spreads are in the reward's own unit; NaN stands for "not known".
 */

export const METHODS = {
  // client to server, requests
  audit: 'qrmLens/audit',
  cancel: 'qrmLens/cancel',
  auditFolder: 'qrmLens/auditFolder',
  summary: 'qrmLens/summary',
  columns: 'qrmLens/columns',
  findings: 'qrmLens/findings',
  texts: 'qrmLens/texts',
  detail: 'qrmLens/detail',
  spot: 'qrmLens/spot',
  contributions: 'qrmLens/contributions',
  locate: 'qrmLens/locate',
  rows: 'qrmLens/rows',
  exportReport: 'qrmLens/export',
  ignore: 'qrmLens/ignore',
  doctor: 'qrmLens/doctor',
  models: 'qrmLens/models',
  clearScores: 'qrmLens/clearScores',
  // client to server, notifications
  visibleRanges: 'qrmLens/visibleRanges',
  theme: 'qrmLens/theme',
  // server to client, notifications
  status: 'qrmLens/status',
  changed: 'qrmLens/changed',
} as const;

export type Device = 'auto' | 'cpu' | 'cuda' | 'webgpu' | 'coreml' | 'dml';
export const THEME_KINDS = ['light', 'dark', 'high-contrast', 'high-contrast-light'] as const;
export type ThemeKind = (typeof THEME_KINDS)[number];
/** Order of `ColumnBatch.kind`. */
export const RESPONSE_KINDS = ['chosen', 'rejected', 'completion', 'transcript'] as const;
export type ResponseKind = (typeof RESPONSE_KINDS)[number];
export const FINDING_CODES = [
  'low-left-tail',
  'inverted-pair',
  'ambiguous-pair',
  'wide-distribution',
  'multimodal',
  'truncated',
  'duplicate-response',
  'malformed-row',
  'unscored',
] as const;
export type FindingCodeName = (typeof FINDING_CODES)[number];
export const FINDING_SEVERITIES = ['error', 'warning', 'info'] as const;
export type FindingSeverity = (typeof FINDING_SEVERITIES)[number];
export const EXPORT_FORMATS = ['html', 'sarif', 'json', 'jsonl', 'csv', 'parquet'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface TextSpot {
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/** The extension's settings as the server needs them (workspace/configuration section `qrmLens`). */
export interface ServerSettings {
  readonly model: { readonly path: string };
  readonly device: Device;
  readonly precision: 'auto' | 'float32' | 'int8';
  readonly threads: number;
  /** `auto`: files that are surely datasets; `off`: only on command; `open`: every supported file. */
  readonly autoAudit: 'auto' | 'open' | 'off';
  readonly tau: number;
  readonly lambda: number;
  /** Fixed attribute weights by name, in place of the gate; empty: the gate. */
  readonly weights: Readonly<Record<string, number>>;
  /**
   * Fields by what they hold (`{"prompt": "question"}`), where they have other names. An editor that
   * answers workspace/configuration is asked for each document's own.
   */
  readonly mapping: Readonly<Record<string, string>>;
  /** A number (absolute) or a share such as `5%` of the dataset's own distribution. */
  readonly thresholds: {
    readonly tail: string;
    readonly inverted: string;
    readonly ambiguous: string;
    readonly wide: string;
    readonly modes: number;
  };
  readonly maxDiagnostics: number;
  readonly inlayHints: { readonly enabled: boolean };
  readonly codeLens: { readonly enabled: boolean };
  readonly store: { readonly enabled: boolean };
}

/** `initializationOptions` of the server. */
export interface InitOptions {
  readonly settings?: Partial<ServerSettings>;
  /** False in an untrusted workspace: only the embedded model is loaded. */
  readonly trusted?: boolean;
  readonly theme?: ThemeKind;
  /** Where the documentation of the codes lies; a code's page is `${docs}#${code}`. */
  readonly docs?: string;
  /** Folder of the score store (tests); default the user's cache. */
  readonly storeFolder?: string;
}

export interface ModelInfo {
  readonly name: string;
  readonly hash: string;
  readonly precision: string;
  readonly executionProvider: string;
  readonly maxTokens: number;
  /** M names. */
  readonly attributes: readonly string[];
  /** K levels, ascending. */
  readonly levels: readonly number[];
}

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
 * A response comes again when it was scored again; one whose `kind` is 255 no longer exists.
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
  /** Index into RESPONSE_KINDS; 255: removed. */
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
export interface RowsResult {
  /** Rows of the file, null when not known yet. */
  readonly total: number | null;
  readonly rows: readonly {
    readonly row: number;
    readonly conversations: readonly {
      readonly kind: ResponseKind;
      readonly label: string;
      readonly turns: readonly { readonly role: string; readonly content: string }[];
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
export interface ClearScoresResult {
  readonly entries: number;
}
export interface VisibleRangesParams {
  readonly uri: string;
  readonly ranges: readonly { readonly from: number; readonly to: number }[];
}
export interface ThemeParams {
  readonly kind: ThemeKind;
}

// --- Webviews -------------------------------------------------------------------------------------
// The page's HTML is the host's: `<body data-page="dashboard">` or `"detail"`, `<main id="app">`, then
// dist/webview.js. CSP: default-src 'none'; script-src and style-src by nonce; img-src data: blob:.
// dist/webview.css is linked when the bundle has one. The page starts with `ready`.

export type PageName = 'dashboard' | 'detail';

/** What a page keeps with setState, and all that a reload needs. */
export interface PersistedState {
  readonly page: PageName;
  /** One document; two when comparing. */
  readonly uris: readonly string[];
  /** The page's own filters and sliders; opaque to the host. */
  readonly filters?: unknown;
  /** When it was kept, in milliseconds since 1970. */
  readonly saved?: number;
}

export type HostToView =
  /** First answer to `ready`, and whenever the page shows other documents. */
  | {
      readonly type: 'open';
      readonly page: PageName;
      readonly audits: readonly AuditSummary[];
      readonly names: readonly string[];
      /** What the page kept later than the state it came back with. */
      readonly state?: PersistedState;
    }
  /** Progress, counts, thresholds; throttled by the host. */
  | { readonly type: 'summary'; readonly summary: AuditSummary }
  /** Pushed by the host as scoring proceeds, at most 8,192 responses each. */
  | { readonly type: 'columns'; readonly batch: ColumnBatch }
  /** The whole list again after it changed, in pages; `from` 0 begins a new list. */
  | { readonly type: 'findings'; readonly batch: FindingBatch }
  | {
      readonly type: 'texts';
      readonly uri: string;
      readonly id: number;
      readonly texts: readonly ResponseText[];
    }
  | {
      readonly type: 'contributions';
      readonly id: number;
      readonly contributions: Contributions | null;
    }
  | { readonly type: 'detail'; readonly result: DetailResult }
  /** The cursor moved in the text. */
  | {
      readonly type: 'select';
      readonly uri: string;
      readonly epoch: number;
      readonly response: number;
    }
  | {
      readonly type: 'exported';
      readonly id: number;
      readonly path?: string;
      readonly error?: string;
    }
  | { readonly type: 'error'; readonly message: string };

export type ViewToHost =
  /** The page runs. `state` is what it kept (vscode.getState()), after a reload. */
  | { readonly type: 'ready'; readonly state?: PersistedState }
  /** The page keeps this, beside setState. */
  | { readonly type: 'state'; readonly state: PersistedState }
  /** The user chose a response: show it in the text (and, unless `quiet`, in the detail view). */
  | {
      readonly type: 'reveal';
      readonly uri: string;
      readonly epoch: number;
      readonly response: number;
      readonly focus: boolean;
    }
  | {
      readonly type: 'openDetail';
      readonly uri: string;
      readonly epoch: number;
      readonly response: number;
    }
  /** Excerpts, labels and messages of the table's rows on screen. */
  | {
      readonly type: 'texts';
      readonly id: number;
      readonly uri: string;
      readonly epoch: number;
      readonly responses: readonly number[];
    }
  | {
      readonly type: 'contributions';
      readonly id: number;
      readonly uri: string;
      readonly epoch: number;
      readonly responses?: readonly number[];
    }
  /** `png` is a data URL, `svg` and `csv` are text. The host asks for the place. */
  | {
      readonly type: 'export';
      readonly id: number;
      readonly format: 'png' | 'svg' | 'csv';
      readonly name: string;
      readonly data: string;
    }
  | { readonly type: 'audit'; readonly uri: string }
  | { readonly type: 'cancel'; readonly uri: string }
  | { readonly type: 'exportReport'; readonly uri: string };
