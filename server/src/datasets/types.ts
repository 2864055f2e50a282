import type { ResponseKind } from '../protocol/index.js';

/**
 * A place in a file, as an editor and a byte reader need it.
 * `line` and `column` are zero-based; a column counts UTF-16 code units (as LSP does) from the start
 * of its line. `start` and `end` are byte offsets into the (decompressed) file, end exclusive.
 */
export interface Place {
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  readonly start: number;
  readonly end: number;
  /** Only where its file's rule would read other text: the bytes are the text, nothing doubled or escaped. */
  readonly raw?: true;
}

/** One message of a conversation. `place` covers its text as written in the file (inside the quotes). */
export interface Turn extends MessageFields {
  readonly role: string;
  readonly content: string;
  /** Absent for text that the file does not hold in one piece (Parquet, a default system message). */
  readonly place?: Place;
  /** Where the parts stand, in order, when the text is joined from several (then `place` is absent). */
  readonly pieces?: readonly Place[];
  /** What the message holds besides text, and nobody reads. */
  readonly unread?: UnreadParts;
  /** What somebody said of this turn alone: a vote of the chat's own user. */
  readonly verdict?: 'desirable' | 'undesirable';
}

/** Further fields of a message, named as transformers' chat templates take them; plain JSON. */
export interface MessageFields {
  /** `[{type: 'function', function: {name, arguments}}]`; arguments as the file has them. */
  readonly tool_calls?: readonly unknown[];
  /** Of a tool's turn. */
  readonly tool_call_id?: string;
  readonly name?: string;
}

/** Parts of a message that are no text: images, sounds, files, thoughts. */
export interface UnreadParts {
  readonly kinds: readonly string[];
  /** Of what a reader would see: two messages that differ in an image alone are not the same. */
  readonly digest?: string;
}

export type ConversationKind = ResponseKind;

/** A conversation whose assistant turns at `targets` are the responses to score. */
export interface Conversation {
  readonly kind: ConversationKind;
  /** What tells it from its siblings: `chosen`, `rejected`, a model's name, an ordinal. */
  readonly label: string;
  readonly turns: readonly Turn[];
  /** Indices into `turns` of the assistant turns to score: the last for chosen and rejected, all for a transcript. */
  readonly targets: readonly number[];
  /** What the file says of the response; absent where it says nothing, or chosen and rejected say it all. */
  readonly gold?: GoldLabel;
}

/** People's judgement of a response, or what stands for it, as its file has it. */
export interface GoldLabel {
  /** Good or bad, whatever stands beside it (KTO's label, a vote). */
  readonly desirable?: boolean;
  /** Beside the other responses of its row: the higher, the better; only the order means something. */
  readonly rating?: number;
}

/** A field with a vote between two responses: the text of it (as in JSON without quotes), and what would say the contrary. */
export interface VoteField {
  readonly field: string;
  /** Absent where the file is no text. */
  readonly place?: Place;
  readonly contrary: string;
}

/** One record of a dataset: a pair, a response, several completions of one prompt, or a transcript. */
export interface DatasetRow {
  /** Zero-based ordinal of the record in its file, malformed records counted. */
  readonly index: number;
  readonly place: Place;
  readonly conversations: readonly Conversation[];
  /** In a table by columns or by keys: the row's place is a part of what belongs to it in the file. */
  readonly scattered?: true;
  /** Where fields of their own say which of two responses is better: those that must change to say the contrary. */
  readonly vote?: readonly VoteField[];
  /**
   * Where it was asked for: the record's values by field, without texts above 256 characters (`ASIDE_TEXT`) and
   * without what no longer fits into 64 KB. Plain JSON; cells of CSV are texts.
   */
  readonly aside?: Readonly<Record<string, unknown>>;
}

/** What is wrong with a piece of a file, where, and what was expected there. Never thrown. */
export interface DatasetProblem {
  readonly index: number | undefined;
  readonly place: Place;
  readonly code:
    | 'malformed-row'
    | 'invalid-utf8'
    | 'truncated-line'
    | 'duplicate-key'
    | 'empty-file'
    | 'oversized-row'
    | 'missing-field'
    /** The row is read; a part of it that is no text is not. */
    | 'unread-part'
    /** The row is read; no prompt stands before its responses. */
    | 'blank-prompt'
    /** The row is read; chosen and rejected answer different prompts. */
    | 'other-prompt'
    /** The row is read; a turn has a role that no chat template knows. */
    | 'unknown-role'
    /** The row is read; a turn holds marks of a chat template, which are scored as text. */
    | 'chat-markup'
    /** Something between or around records; the records are read without it. */
    | 'stray-text'
    | 'unreadable';
  /** Says what was found and what was expected. */
  readonly message: string;
  /** No field of the record is known: its file may be no data set at all. */
  readonly foreign?: true;
}

export type DatasetEvent =
  | { readonly type: 'row'; readonly row: DatasetRow }
  | { readonly type: 'problem'; readonly problem: DatasetProblem };
