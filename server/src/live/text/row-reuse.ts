import type { Ledger } from '../../audit/index.js';
import type { Place } from '../../datasets/types.js';
import { Pacer } from '../../pace.js';
import type { RowEntry } from './row-entry.js';
import type { Slot } from '../../session/slots.js';

const keyOf = (kind: string, hash: string, label: string): string => `${kind} ${hash} ${label}`;
const keyOfSlots = (slots: readonly Slot[]): string =>
  slots.map((s) => keyOf(s.kind, s.hash.toString('hex', 0, 8), s.label)).join();

/** Rows that an edit took out: their numbers serve equal rows that the next reading finds. */
export class RowReuse {
  private retired: RowEntry[] = [];
  private readonly ready = new Map<string, RowEntry[]>();

  /** @param movable places of a row's texts are not kept in the ledger, and may change */
  constructor(private readonly movable: boolean) {}

  retire(entry: RowEntry): void {
    entry.dead = true;
    this.retired.push(entry);
  }

  /** Makes what was retired ready to be taken. */
  async sort(ledger: Ledger, signal: AbortSignal): Promise<void> {
    const pacer = new Pacer();
    const { table } = ledger;
    for (const entry of this.retired.splice(0)) {
      if (entry.ids.length === 0) continue;
      const key = entry.ids
        .map((id) => keyOf(table.kindOf(id), table.hash(id), table.label(id)))
        .join();
      const same = this.ready.get(key);
      if (same === undefined) this.ready.set(key, [entry]);
      else same.push(entry);
      await pacer.tick(signal);
    }
  }

  /** The numbers of a row with the same texts, all scored; each is given once. */
  take(ledger: Ledger, slots: readonly Slot[]): number[] | undefined {
    const candidates = this.ready.get(keyOfSlots(slots));
    const n = candidates?.findLastIndex((old) => this.fits(ledger, old, slots)) ?? -1;
    return candidates?.splice(n, n < 0 ? 0 : 1)[0]?.ids;
  }

  /** All that the ledger has of the row is as it would be read now. */
  private fits({ table }: Ledger, old: RowEntry, slots: readonly Slot[]): boolean {
    return old.ids.every((id, n) => {
      const slot = slots[n];
      if (slot === undefined || !table.scored(id)) return false;
      const same =
        slot.conversation === table.conversation.get(id) && slot.target === table.target.get(id);
      if (!same || this.movable) return same;
      const at = table.place(id);
      return (Object.keys(at) as (keyof Place)[]).every((key) => at[key] === slot.place[key]);
    });
  }

  /** What did not come back is gone for good; gives the numbers that are free of it. */
  drop(ledger: Ledger): number[] {
    const gone = [...this.ready.values()].flatMap((left) => left.flatMap(({ ids }) => ids));
    ledger.remove(gone);
    this.ready.clear();
    return gone;
  }

  clear(): void {
    this.retired = [];
    this.ready.clear();
  }
}
