import type {
  AuditSummary,
  ColumnBatch,
  Contributions,
  DetailResult,
  FindingBatch,
  PolicySamples,
  ProblemBatch,
  ResponseText,
  ViewProblem,
} from './audits.js';

// Messages between the extension and its webviews.
// The page's HTML is the host's: `<body data-page="dashboard">`, `"detail"` or `"policy"`, `<main id="app">`, then
// dist/webview.js. CSP: default-src 'none'; script-src and style-src by nonce; img-src data: blob:.
// dist/webview.css is linked when the bundle has one. The page starts with `ready`.

export const PAGES = ['dashboard', 'detail', 'policy'] as const;
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
  | { readonly type: 'problems'; readonly batch: ProblemBatch }
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
  | { readonly type: 'policy'; readonly samples: PolicySamples }
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
  /** Rows that could not be read. */
  | {
      readonly type: 'problems';
      readonly uri: string;
      readonly from: number;
      readonly limit: number;
    }
  /** The user chose one of them. */
  | { readonly type: 'revealPlace'; readonly uri: string; readonly place: ViewProblem }
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
