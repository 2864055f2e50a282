import type { RecordNode } from '../json/tree.js';
import type { Place } from '../types.js';

/** A line of a log. */
export interface Line {
  readonly ordinal: number;
  readonly record: RecordNode;
  readonly place: Place;
}

/** The messages of one conversation, and the lines that it is made of. */
export interface Talk {
  readonly label: string;
  readonly lines: readonly Line[];
  readonly messages: readonly RecordNode[];
}
