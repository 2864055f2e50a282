import { take, type Audit } from './index.js';

/** Longest excerpt kept, in UTF-16 code units. */
const EXCERPT = 400;

/**
 * Reads the files again for the beginnings of the responses asked for: the table keeps numbers only.
 * A file is left as soon as its last wanted row has come.
 */
export async function readTexts(
  audit: Audit,
  responses: Iterable<number>,
  limit?: number,
): Promise<Map<number, string>> {
  const { table } = audit;
  const wanted = new Map<number, Map<number, number[]>>();
  for (const i of responses) {
    const file = table.file.get(i);
    const rows = wanted.get(file) ?? new Map<number, number[]>();
    wanted.set(file, rows);
    rows.set(table.row.get(i), [...(rows.get(table.row.get(i)) ?? []), i]);
  }
  const texts = new Map<number, string>();
  for (const [file, rows] of wanted) {
    const source = audit.sources[file];
    if (source === undefined) continue;
    for await (const event of take(source.open(), limit)) {
      if (event.type !== 'row') continue;
      for (const i of rows.get(event.row.index) ?? []) {
        const conversation = event.row.conversations[table.conversation.get(i)];
        const text = conversation?.turns[table.target.get(i)]?.content ?? '';
        texts.set(i, text.slice(0, EXCERPT));
      }
      rows.delete(event.row.index);
      if (rows.size === 0) break;
    }
  }
  return texts;
}
