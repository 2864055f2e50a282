import { chatMessage, readDataset, type FieldMapping } from '../../datasets/index.js';
import type { ChatMessage } from '../../engine/types.js';
import type { DataProblem } from './records.js';
import { groupOf } from './rated.js';

export interface Pair {
  readonly chosen: readonly ChatMessage[];
  readonly rejected: readonly ChatMessage[];
  /** See `Rated.group`. */
  readonly group: string;
  readonly file: string;
  readonly line: number;
}

/**
 * Reads pairs with the product's own dataset readers, so that training sees the texts as scoring will.
 * Records that are no pair, and pairs without difference, are told with their line and left out.
 */
export async function readPreferences(
  file: string,
  options: { mapping?: FieldMapping; signal?: AbortSignal },
  problem: (p: DataProblem) => void,
): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for await (const event of readDataset({ path: file }, options)) {
    if (event.type === 'problem') {
      const { place, message, code, index } = event.problem;
      if (code === 'unreadable' && index === undefined) throw new Error(`${file}: ${message}`);
      problem({ file, line: place.line + 1, message });
      continue;
    }
    const line = event.row.place.line + 1;
    const turns = (kind: string): ChatMessage[] | undefined =>
      event.row.conversations.find((c) => c.kind === kind)?.turns.map(chatMessage);
    const chosen = turns('chosen');
    const rejected = turns('rejected');
    if (!chosen || !rejected) {
      problem({ file, line, message: 'expected a pair, found no chosen and rejected response' });
    } else if (JSON.stringify(chosen) === JSON.stringify(rejected)) {
      problem({
        file,
        line,
        message: 'chosen and rejected are the same: a pair without difference',
      });
    } else {
      pairs.push({ chosen, rejected, group: groupOf(chosen), file, line });
    }
  }
  return pairs;
}
