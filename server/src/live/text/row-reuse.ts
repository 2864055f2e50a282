import type { Ledger } from '../ledger.js';
import { Pacer } from '../pace.js';
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
    const old = candidates?.at(-1);
    if (old === undefined || !old.ids.every((id) => ledger.table.scored(id))) return undefined;
    if (!this.movable && !this.sameColumns(ledger, old, slots)) return undefined;
    candidates?.pop();
    return old.ids;
  }

  private sameColumns(ledger: Ledger, old: RowEntry, slots: readonly Slot[]): boolean {
    return old.ids.every((id, n) => {
      const [a, b] = [ledger.table.place(id), slots[n]?.place];
      return a.column === b?.column && a.endColumn === b?.endColumn;
    });
  }

  /** What did not come back is gone for good. */
  drop(ledger: Ledger): void {
    for (const left of this.ready.values()) for (const entry of left) ledger.remove(entry.ids);
    this.ready.clear();
  }

  clear(): void {
    this.retired = [];
    this.ready.clear();
  }
}
