import { placeOf } from '../datasets/index.js';
import type { ConversationKind, DatasetRow, Place } from '../datasets/types.js';
import { Sketcher } from '../similarity/index.js';
import { contentHash } from '../store/index.js';

/** A response of a row, before it has a number. */
export interface Slot {
  readonly conversation: number;
  readonly target: number;
  readonly kind: ConversationKind;
  readonly label: string;
  readonly place: Place;
  readonly hash: Buffer;
  /** As the file's raters have it, beside the others of its row. */
  readonly rating?: number;
  /** By which near-duplicates are found; made when asked for, in the order of the slots at best. */
  readonly sketch?: () => Uint32Array;
}

export function slotsOf(row: DatasetRow): Slot[] {
  // Most audits look for no near-duplicates.
  let sketcher: Sketcher | undefined;
  const slots: Slot[] = [];
  for (const [conversation, c] of row.conversations.entries()) {
    const rating = c.gold?.rating;
    for (const target of c.targets) {
      const slot: Slot = {
        conversation,
        target,
        kind: c.kind,
        label: c.turns[target]?.verdict ?? c.label,
        place: placeOf(row, conversation, target),
        hash: contentHash(c.turns, target),
        sketch: () => (sketcher ??= new Sketcher()).sketch(c.turns, target),
      };
      slots.push(rating === undefined ? slot : { ...slot, rating });
    }
  }
  return slots;
}
