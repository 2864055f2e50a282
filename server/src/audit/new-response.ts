import type { Place } from '../datasets/types.js';
import type { ResponseKind } from '../protocol/index.js';

/** A response before it is in a table. */
export interface NewResponse {
  readonly file: number;
  readonly row: number;
  readonly conversation: number;
  readonly target: number;
  readonly kind: ResponseKind;
  readonly label: string;
  readonly place: Place;
  /** contentHash of the store: the first 8 bytes are kept. */
  readonly hash: Uint8Array;
  /** How good its raters found it beside the others of its row; absent where nobody said. */
  readonly rating?: number;
  /** Absent where nobody looks for near-duplicates. */
  readonly sketch?: Uint32Array | undefined;
}
