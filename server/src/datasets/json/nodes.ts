import type { TextNode } from '../text.js';

/** Offsets of a value in its record's bytes, where it was read from bytes. */
interface Spanned {
  readonly start?: number;
  readonly end?: number;
}
/** A list of values. */
export interface ListNode extends Spanned {
  readonly kind: 'list';
  readonly items: readonly ValueNode[];
}
/** An object; of equal keys the last one holds, as in JSON.parse. */
export interface RecordNode extends Spanned {
  readonly kind: 'record';
  readonly fields: ReadonlyMap<string, ValueNode>;
  /** The keys with their places, as often as they stand there: where keys are texts of the data alone. */
  readonly keys?: readonly TextNode[];
}
/** A number, boolean or null. */
export interface ScalarNode {
  readonly kind: 'scalar';
  readonly value: number | bigint | boolean | null;
  /** Of a column of bytes, where they are no text; `value` is null. */
  readonly bytes?: Uint8Array;
  /** As it is written (1.50, 1e999, a number longer than a double holds); absent for null and NaN. */
  readonly text?: TextNode;
}
/** The reader-independent form of a record: what rows/ understands. */
export type ValueNode = TextNode | ListNode | RecordNode | ScalarNode;

/** Malformed JSON: `pos` is an offset in the parsed buffer. */
export class JsonSyntaxError extends Error {
  constructor(
    message: string,
    readonly pos: number,
    /** The input ended before the value did. */
    readonly truncated: boolean,
  ) {
    super(message);
  }
}

/** A key that an object holds twice; offsets of the second one's characters. */
export interface DuplicateKey {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}
