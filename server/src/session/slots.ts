import { placeOf } from '../datasets/index.js';
import type { ConversationKind, DatasetRow, Place } from '../datasets/types.js';
import { contentHash } from '../store/index.js';

/** A response of a row, before it has a number. */
export interface Slot {
  readonly conversation: number;
  readonly target: number;
  readonly kind: ConversationKind;
  readonly label: string;
  readonly place: Place;
  readonly hash: Buffer;
}

export const slotsOf = (row: DatasetRow): Slot[] =>
  row.conversations.flatMap((c, conversation) =>
    c.targets.map((target) => ({
      conversation,
      target,
      kind: c.kind,
      label: c.label,
      place: placeOf(row, conversation, target),
      hash: contentHash(c.turns, target),
    })),
  );
