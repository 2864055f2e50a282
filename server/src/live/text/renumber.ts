import type { Ledger } from '../../audit/index.js';
import { Pacer } from '../../pace.js';
import type { RowEntry } from './row-entry.js';

/** Numbers of gone responses that are kept, besides as many as there are live ones. */
const SPARE = 2000;

/**
 * After many edits most numbers belong to text that is gone: a ledger of the rows as they stand, without reading or
 * scoring anything again. Undefined where it is not worth it yet, or a row waits for its scores.
 * @returns `apply` gives the entries their new numbers, and the entry of each number
 * @throws AbortError
 */
export async function renumbered(
  ledger: Ledger,
  entries: readonly RowEntry[],
  signal: AbortSignal,
): Promise<{ ledger: Ledger; apply: () => RowEntry[] } | undefined> {
  if (ledger.table.length < 2 * ledger.live + SPARE) return undefined;
  const rows = entries.filter(({ ids }) => ids.length > 0);
  if (rows.some(({ state }) => state !== 'done')) return undefined;
  const pacer = new Pacer();
  const { ledger: fresh, ids } = await ledger.compacted(rows, async () => {
    if (pacer.due) await pacer.tick(signal);
  });
  const apply = () => {
    const owners: RowEntry[] = [];
    for (const [n, entry] of rows.entries()) {
      entry.ids = ids[n] as number[];
      for (const id of entry.ids) owners[id] = entry;
    }
    return owners;
  };
  return { ledger: fresh, apply };
}
