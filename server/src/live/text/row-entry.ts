import type { DatasetProblem, DatasetRow } from '../../datasets/types.js';

/**
 * `read`: parsed, not numbered yet (the model is not there); `missing`: numbered, some scores are not
 * known; `flying`: with the evaluator; `done`: all known; `bad`: no row.
 */
export type EntryState = 'read' | 'missing' | 'flying' | 'done' | 'bad';

/** One asking of the evaluator for a row: what it brings counts while it is the row's last. */
export type Flight = symbol;

/** A row of an open document. Lines of its places count from `line`, so that an edit above moves one number. */
export class RowEntry {
  private now: EntryState;
  private flight: Flight | undefined;
  /** Numbers of its responses in the ledger. */
  ids: number[] = [];
  /** No longer in the document. */
  dead = false;
  /** Pairs have a lens of their own. */
  readonly isPair: boolean;

  constructor(
    public line: number,
    public row: number,
    /** Lines it covers after its first. */
    readonly span: number,
    readonly problems: readonly DatasetProblem[],
    /** Kept only where it cannot be read again from its lines alone. */
    readonly data: DatasetRow | undefined,
    parsed: DatasetRow | undefined,
  ) {
    this.now = parsed === undefined ? 'bad' : 'read';
    this.isPair = parsed?.conversations.some((c) => c.kind === 'chosen') ?? false;
  }

  get endLine(): number {
    return this.line + this.span;
  }

  get state(): EntryState {
    return this.now;
  }

  /** Its responses have numbers. @param scored all of their scores are known */
  number(ids: number[], scored: boolean): void {
    this.move(['read'], scored ? 'done' : 'missing');
    this.ids = ids;
  }

  /** It goes to the evaluator; the answer is given with what this returns. */
  takeOff(): Flight {
    this.move(['missing'], 'flying');
    return (this.flight = Symbol());
  }

  /** Its scores are in the ledger. False where the row was begun anew meanwhile: they are not its own. */
  land(flight: Flight): boolean {
    return this.arrive(flight, 'done');
  }

  /** Nothing came of the flight: it may be sent again. False where the row was begun anew meanwhile. */
  turnBack(flight: Flight): boolean {
    return this.arrive(flight, 'missing');
  }

  /** Without numbers, as when it was read. */
  beginAnew(): void {
    this.ids = [];
    this.flight = undefined;
    if (this.now !== 'bad') this.now = 'read';
  }

  private arrive(flight: Flight, to: EntryState): boolean {
    if (flight !== this.flight) return false;
    this.flight = undefined;
    this.move(['flying'], to);
    return true;
  }

  private move(from: readonly EntryState[], to: EntryState): void {
    if (!from.includes(this.now))
      throw new Error(
        `a row that is ${this.now} cannot become ${to}; expected ${from.join(' or ')}`,
      );
    this.now = to;
  }
}

/** Index of the last item whose `line` is at or above `line`; -1 when none. Items in ascending order. */
export function lastAtOrAbove(items: readonly { readonly line: number }[], line: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if ((items[mid]?.line ?? Infinity) <= line) low = mid + 1;
    else high = mid;
  }
  return low - 1;
}
