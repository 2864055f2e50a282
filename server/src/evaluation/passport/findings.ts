import type { DatasetEvent, DatasetRow } from '../../datasets/types.js';
import { hasRatings } from '../items/item.js';
import { contentHash } from '../../store/index.js';

/** Says of a response, by the 16 hexadecimal digits that name its text, whether people judged its findings. */
export type FindingLabel = (hash: string) => 'bad' | 'fine' | undefined;

/**
 * Rows with the labels that accepted findings (the response is bad) and ignored ones (it is fine) amount to. Where
 * there are such labels, rows without any are passed over; labels of the data itself win.
 */
export async function* withFindingLabels(
  events: AsyncIterable<DatasetEvent>,
  labelOf: FindingLabel,
): AsyncGenerator<DatasetEvent> {
  for await (const event of events) {
    if (event.type === 'problem' || hasRatings(event.row)) {
      yield event;
      continue;
    }
    const row = labelled(event.row, labelOf);
    if (row !== undefined) yield { type: 'row', row };
  }
}

function labelled(row: DatasetRow, labelOf: FindingLabel): DatasetRow | undefined {
  let any = false;
  const conversations = row.conversations.map((c) => {
    const target = c.targets.at(-1);
    const hash = target === undefined ? undefined : contentHash(c.turns, target).subarray(0, 8);
    const label = hash && labelOf(hash.toString('hex'));
    if (label === undefined) return c;
    any = true;
    return { ...c, gold: { desirable: label === 'fine' } };
  });
  return any ? { ...row, conversations } : undefined;
}
