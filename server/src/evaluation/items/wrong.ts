import { cut, wellFormed } from '../../audit/report/escape.js';
import type { DatasetRow } from '../../datasets/types.js';
import type { PreferenceSuite, WrongItem } from '../../protocol/index.js';
import type { PreferenceItem } from './item.js';

/** Kept of a suite: a list for people, whatever the size of the data. */
const KEPT = 500;
/** UTF-16 code units of a prompt. */
const EXCERPT = 160;

/** Ascending; NaN last. */
const order = (a: number, b: number): number =>
  Number.isNaN(a) || Number.isNaN(b) ? Number(Number.isNaN(a)) - Number(Number.isNaN(b)) : a - b;

/** Of two mistakes, which is the surer one: the lower margin; without a score, none. */
const surer = (a: WrongItem, b: WrongItem): number =>
  order(a.margin, b.margin) || a.file - b.file || a.row - b.row;

/** The items of one suite that a row of the table got wrong: counted, and the surest mistakes kept. */
class WrongList {
  items = 0;
  private kept: WrongItem[] = [];
  /** Margins above this are of no list. */
  private most = Infinity;

  add(margin: number, make: () => WrongItem): void {
    this.items++;
    if (margin > this.most) return;
    this.kept.push(make());
    if (this.kept.length < 2 * KEPT) return;
    this.kept = this.first();
    const last = this.kept.at(-1)?.margin ?? NaN;
    this.most = Number.isNaN(last) ? Infinity : last;
  }

  first(): WrongItem[] {
    return [...this.kept].sort(surer).slice(0, KEPT);
  }
}

/** What one row of the table got wrong, by suite. */
export class WrongItems {
  private readonly bySuite = new Map<PreferenceSuite, WrongList>();

  /** @param of the item's credit and margin, as the row of the table has them */
  take(
    item: PreferenceItem,
    row: DatasetRow,
    file: number,
    { credit, margin }: { credit: number; margin: number },
  ): void {
    if (credit >= 1) return;
    let list = this.bySuite.get(item.suite);
    if (list === undefined) this.bySuite.set(item.suite, (list = new WrongList()));
    list.add(margin, () => ({
      subset: item.subset,
      ...(item.id !== undefined && { id: item.id }),
      file,
      row: row.index,
      line: row.place.line,
      column: row.place.column,
      margin,
      credit,
      prompt: promptOf(row, item.right[0]!),
    }));
  }

  of(suite: PreferenceSuite): { items: number; first: WrongItem[] } {
    const list = this.bySuite.get(suite);
    return { items: list?.items ?? 0, first: list?.first() ?? [] };
  }
}

/** The last turn before the response. */
function promptOf(row: DatasetRow, conversation: number): string {
  const { turns, targets } = row.conversations[conversation]!;
  const target = targets.at(-1) ?? 0;
  return wellFormed(cut(turns[target - 1]?.content ?? '', EXCERPT));
}
