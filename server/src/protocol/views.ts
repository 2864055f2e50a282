import type { EvaluationResult } from './evaluation.js';
import type { WatchMessage } from './programs/watch.js';
import type { RowSpot } from './requests.js';
import type {
  AuditSummary,
  ColumnBatch,
  Contributions,
  ContributionsParams,
  DetailResult,
  FindingBatch,
  PolicySamples,
  ProblemBatch,
  ResponseText,
  ProblemsParams,
  TextsParams,
  ViewProblem,
} from './audits.js';

// Messages between the extension and its webviews.
// The page's HTML is the host's: `<body data-page="dashboard">` or another of PAGES, `<main id="app">`, then dist/webview.js.
// CSP: default-src 'none'; script-src and style-src by nonce; img-src data: blob:.
// dist/webview.css is linked when the bundle has one. The page starts with `ready`.

export const PAGES = ['dashboard', 'detail', 'policy', 'evaluation', 'watch'] as const;
export type PageName = (typeof PAGES)[number];

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

/** A response of a document. */
export interface ResponseRef {
  readonly uri: string;
  readonly epoch: number;
  readonly response: number;
}

/** A picture or a table to write. `png` is a data URL, `svg` and `csv` are text. The host asks for the place. */
export interface ImageExport {
  readonly format: 'png' | 'svg' | 'csv';
  readonly name: string;
  readonly data: string;
}

/** Every request of a page: its parameters and its answer. */
export interface ViewRequests {
  /** Rows that could not be read. */
  problems: { params: ProblemsParams; answer: ProblemBatch };
  /** Excerpts, labels and messages of the table's rows on screen. */
  texts: { params: TextsParams; answer: readonly ResponseText[] };
  contributions: { params: ContributionsParams; answer: Contributions | null };
  /** The path that was written; null where the user thought better of it. */
  export: { params: ImageExport; answer: string | null };
}
export type ViewRequestName = keyof ViewRequests;

/** What a page tells without asking, by the message's type. */
export interface FromView {
  /** The page runs. `state` is what it kept (vscode.getState()), after a reload. */
  ready: { readonly state?: PersistedState };
  /** The page keeps this, beside setState. */
  state: { readonly state: PersistedState };
  /** The user chose a response: show it in the text. */
  reveal: ResponseRef & { readonly focus: boolean };
  openDetail: ResponseRef;
  /** The user chose a row that could not be read. */
  revealPlace: { readonly uri: string; readonly place: ViewProblem };
  /** The user chose an item of an evaluation: show its row. */
  revealRow: { readonly uri: string; readonly spot: RowSpot };
  /** Evaluate the view's files again. */
  evaluate: object;
  /** The user chose a rollout of a log: show its line, from 1. */
  revealRollout: { readonly source: string; readonly line: number };
  /** Follow the view's log, from its beginning, or no longer. */
  follow: { readonly on: boolean };
  audit: { readonly uri: string };
  cancel: { readonly uri: string };
  exportReport: { readonly uri: string };
}

/** What the host tells a page, by the message's type. */
export interface ToView {
  /** First answer to `ready`, and whenever the page shows other documents. */
  open: {
    readonly page: PageName;
    readonly audits: readonly AuditSummary[];
    readonly names: readonly string[];
    /** The log of the page "watch". */
    readonly uris?: readonly string[];
    /** What the page kept later than the state it came back with. */
    readonly state?: PersistedState;
  };
  /** Progress, counts, thresholds; throttled by the host. */
  summary: { readonly summary: AuditSummary };
  /** Pushed by the host as scoring proceeds, at most 8,192 responses each. */
  columns: { readonly batch: ColumnBatch };
  /** The whole list again after it changed, in pages; `from` 0 begins a new list. */
  findings: { readonly batch: FindingBatch };
  detail: { readonly result: DetailResult };
  policy: { readonly samples: PolicySamples };
  /**
   * What the files were evaluated to, and the files as URIs; null where nothing is kept of them. Numbers that are not
   * known come as null.
   */
  evaluation: {
    readonly result: EvaluationResult | null;
    /** Of the result's files. */
    readonly uris: readonly string[];
    /** What was asked for: files and folders. */
    readonly asked: readonly string[];
  };
  /** What a training's log said since the last message. */
  watch: {
    readonly events: readonly WatchMessage[];
    /** True: nothing more comes, and why, where it failed. */
    readonly ended?: { readonly error?: string };
  };
  /** The cursor moved in the text. */
  select: ResponseRef;
  /** What went wrong, for the user; a request that failed is answered beside it. */
  error: { readonly message: string };
}

type Typed<Messages> = {
  [T in keyof Messages]: { readonly type: T } & Messages[T];
}[keyof Messages];

/** A request on its way; its answer carries the same number. */
export type ViewRequest = {
  [N in ViewRequestName]: {
    readonly type: 'request';
    readonly id: number;
    readonly name: N;
    readonly params: ViewRequests[N]['params'];
  };
}[ViewRequestName];
/** Without `answer` the request failed. */
export interface ViewAnswer {
  readonly type: 'answer';
  readonly id: number;
  readonly answer?: ViewRequests[ViewRequestName]['answer'];
}

export type ViewToHost = Typed<FromView> | ViewRequest;
export type HostToView = Typed<ToView> | ViewAnswer;
