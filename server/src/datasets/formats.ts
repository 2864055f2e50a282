import type { Origin } from './bytes.js';
import type { LogKind } from './logs/kinds.js';

/** How a file is divided into records. */
export const CONTAINERS = [
  'jsonl',
  'json',
  'csv',
  'tsv',
  'parquet',
  'arrow',
  'zip',
  'markdown',
] as const;
export type Container = (typeof CONTAINERS)[number];

/** What a record means. `auto` (in options) decides for each record by its fields. */
export type Schema =
  | 'hh'
  | 'preference'
  | 'prompt-response'
  | 'alpaca'
  | 'messages'
  | 'sharegpt'
  | 'completions'
  | 'vscode-chat'
  | 'chatgpt'
  | 'claude-code'
  | 'codex'
  | 'continue'
  | 'session-trace'
  | 'inspect'
  | 'lm-eval'
  | 'openai-evals'
  | 'batch-output'
  | 'promptfoo'
  | 'langfuse'
  | 'langsmith'
  | 'mapped'
  | 'unknown';

export type Compression = 'none' | 'gzip' | 'zstd';

/** What detection says of a file. */
export interface DatasetFormat {
  readonly container: Container;
  readonly compression: Compression;
  /** The meaning of the first record; `unknown` where none was understood. Each record is judged by itself. */
  readonly schema: Schema;
  /** A log of which several lines make one row. */
  readonly log?: LogKind;
}

/**
 * Where the texts of a record stand: dotted paths of fields, list indices as numbers
 * (`data.0.prompt`). A key that itself holds dots is tried first as a whole.
 * Give `messages`, or `chosen` and `rejected`, or `response`, or `completions`.
 */
export interface FieldMapping {
  readonly system?: string;
  readonly prompt?: string;
  readonly chosen?: string;
  readonly rejected?: string;
  readonly response?: string;
  readonly messages?: string;
  readonly completions?: string;
}

export type DatasetSource =
  | { readonly path: string }
  | { readonly bytes: Uint8Array; readonly name: string }
  | { readonly stream: AsyncIterable<Uint8Array>; readonly name: string };

/** Where to begin again: the record `row`, which stands at `byte` and `line`. */
export interface StartPoint {
  readonly row: number;
  /** Of a JSONL record: its line's offset, to skip what lies before without parsing it. */
  readonly byte?: number;
  readonly line?: number;
}

export interface ReadOptions {
  /** Overrides the detected container. */
  readonly format?: Container;
  readonly mapping?: FieldMapping;
  readonly signal?: AbortSignal;
  /** A record above this many bytes is a problem, not a row. Default 64 MiB. */
  readonly maxRowBytes?: number;
  readonly start?: StartPoint;
  /** Rows come with what else their records hold, `DatasetRow.aside`: labels, ids, subsets. */
  readonly aside?: boolean;
}

/** What a record is understood by, and what is kept of it. */
export type Meaning = Pick<ReadOptions, 'mapping' | 'aside'>;

export const DEFAULT_MAX_ROW_BYTES = 64 * 1024 * 1024;

export type { Origin };
