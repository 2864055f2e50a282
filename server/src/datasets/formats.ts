import type { Origin } from './input/bytes.js';

/** What is known of a format before a file is looked at. */
export interface FormatFacts {
  readonly title: string;
  /** Endings of names, in small letters, without the point: a file of such a name is offered everywhere. */
  readonly endings: readonly string[];
  /** Endings that name other things as often: read where the user names the file or a folder of it. */
  readonly alsoNamed?: readonly string[];
  /** First bytes that nothing else has, as Latin-1. */
  readonly magic?: string;
  /**
   * How the texts at its places are written, for `createPlaceMap`. Absent: no editor shows it as text, texts
   * have no place, and its first bytes do not tell what its records mean.
   */
  readonly text?: 'json' | 'csv' | 'lines';
  /** A name with one of the endings is enough to know the container, whatever the file begins with. */
  readonly named?: true;
  /** Why `qrm clean` does not write it; absent where it does. */
  readonly unwritten?: string;
  /** `data`: such a name is a data set's. `prose`: mostly something else, so its beginning is looked at. */
  readonly holds?: 'data' | 'prose';
}

/**
 * The formats, in the order in which they are named to users. Folder walks, detection, counting, the menus and
 * keys of package.json follow from it (`npm run generate`); readers/ has who reads them.
 */
export const FORMATS = {
  jsonl: { title: 'JSON Lines', endings: ['jsonl', 'ndjson'], text: 'json', holds: 'data' },
  json: { title: 'JSON', endings: ['json'], text: 'json' },
  csv: { title: 'CSV', endings: ['csv'], text: 'csv', named: true },
  tsv: { title: 'TSV', endings: ['tsv'], alsoNamed: ['tab'], text: 'csv', named: true },
  markdown: {
    title: 'Markdown',
    endings: ['md', 'markdown'],
    alsoNamed: ['txt'],
    text: 'lines',
    named: true,
    holds: 'prose',
    unwritten: 'a Markdown transcript is one row',
  },
  parquet: { title: 'Parquet', endings: ['parquet'], magic: 'PAR1' },
  arrow: {
    title: 'Arrow',
    endings: ['arrow', 'feather'],
    magic: 'ARROW1',
    unwritten: 'Arrow files are not written',
  },
  zip: {
    title: 'Inspect’s log archives',
    endings: ['eval'],
    unwritten: 'archives are not written',
  },
} as const satisfies Readonly<Record<string, FormatFacts>>;

/** How a file is divided into records. */
export type Container = keyof typeof FORMATS;
/** Those that are text. */
export type TextContainer = {
  [C in Container]: (typeof FORMATS)[C] extends { readonly text: string } ? C : never;
}[Container];

export const CONTAINERS = Object.keys(FORMATS) as Container[];
export const factsOf = (container: Container): FormatFacts => FORMATS[container];
export const isText = (container: Container): container is TextContainer =>
  factsOf(container).text !== undefined;

/** How a whole file is packed: endings after the format's own, and first bytes as Latin-1. */
export const COMPRESSIONS = {
  gzip: { title: 'gzip', endings: ['gz', 'gzip'], magic: /^\x1f\x8b/ },
  // A skippable frame may come first (pzstd writes one): 0x184D2A50..5F, little-endian.
  zstd: {
    title: 'zstd',
    endings: ['zst', 'zstd'],
    magic: /^(?:\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18)/,
  },
} as const;
export type Compression = 'none' | keyof typeof COMPRESSIONS;

const either = (containers: readonly Container[]): string =>
  containers
    .map((c) => FORMATS[c].title)
    .join(', ')
    .replace(/, ([^,]*)$/, ' or $1');
/** "JSON Lines, JSON, … or Parquet", for messages. */
export const FORMAT_TITLES = either(CONTAINERS);
/** Those that `qrm clean` writes. */
export const WRITTEN_TITLES = either(CONTAINERS.filter((c) => !factsOf(c).unwritten));

const ending = (name: string): string => name.slice(name.lastIndexOf('.') + 1).toLowerCase();
const endingsOf = (container: Container): readonly string[] => {
  const { endings, alsoNamed = [] } = factsOf(container);
  return [...endings, ...alsoNamed];
};
const BY_ENDING: ReadonlyMap<string, Container> = new Map(
  CONTAINERS.flatMap((c) => endingsOf(c).map((e) => [e, c] as const)),
);
const PACKED: ReadonlyMap<string, Compression> = new Map(
  (['gzip', 'zstd'] as const).flatMap((c) => COMPRESSIONS[c].endings.map((e) => [e, c] as const)),
);

/** The compression that a file's name promises. */
export const compressionOfName = (name: string): Compression => PACKED.get(ending(name)) ?? 'none';

/** A name without the ending of its compression. */
const unpackedName = (name: string): string =>
  compressionOfName(name) === 'none' ? name : name.slice(0, name.lastIndexOf('.'));

/** The container that a file's name promises, compressed or not. */
export const containerOfName = (name: string): Container | undefined =>
  BY_ENDING.get(ending(unpackedName(name)));

/** The container that a file's first bytes name, of those that have such bytes. */
export function containerByMagic(head: Buffer): Container | undefined {
  const first = head.toString('latin1', 0, 16);
  return CONTAINERS.find((c) => first.startsWith(factsOf(c).magic ?? '\uffff'));
}

/** Is it the name of a compressed file with a text? */
export function isPackedText(name: string): boolean {
  if (compressionOfName(name) === 'none') return false;
  const container = containerOfName(name);
  return container === undefined || isText(container);
}

/** A name without the endings of format and compression. */
export const stemOf = (name: string): string => {
  const plain = unpackedName(name);
  return BY_ENDING.has(ending(plain)) ? plain.slice(0, plain.lastIndexOf('.')) : plain;
};

/** Is it a name that is offered as a data set? Not those that mostly name other things (`txt`). */
export function isDataName(name: string): boolean {
  const container = containerOfName(name);
  return container !== undefined && factsOf(container).endings.includes(ending(unpackedName(name)));
}

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

/** Logs of which several lines make one row. */
export type LogKind = Extract<Schema, 'claude-code' | 'codex' | 'session-trace' | 'vscode-chat'>;

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
  /** The rest of the file is read by others, if it is plain JSON Lines; else this says nothing. */
  readonly until?: FirstPart;
}

/** Bytes [from, to) of a file of JSON Lines, of which both are the beginning of a line; `to` absent: its end. */
export interface Part {
  readonly from: number;
  readonly to?: number;
}

/** How much a part of a file held. */
export interface PartSize {
  readonly records: number;
  readonly lines: number;
}

/** The first part of a file, in whose beginning it is seen what the file is. */
export interface FirstPart {
  readonly to: number;
  /** Told before the first event: only this part is read. */
  readonly divided: () => void;
  /** Told after the last event, unless the part could not be read to its end. */
  readonly ended: (size: PartSize) => void;
}

/** What a record is understood by, and what is kept of it. */
export type Meaning = Pick<ReadOptions, 'mapping' | 'aside'>;

export const DEFAULT_MAX_ROW_BYTES = 64 * 1024 * 1024;

export type { Origin };
