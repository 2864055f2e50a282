import { isDeepStrictEqual } from 'node:util';
import { Column } from './columns.js';
import { ResponseTable } from './table.js';
import type { EvaluatorInfo } from '../engine/types.js';
import {
  DEFAULT_CVAR_LEVEL,
  measure,
  probabilityBeats,
  type MeasureOptions,
} from '../qrm/index.js';
import type { KnownRows } from '../session/known/rows.js';
import { NO_RESULT, type ScoredTarget } from '../session/row-scores.js';
import type { Slot } from '../session/slots.js';
import { firstAbove, inSet, strongestBelow } from '../session/ties.js';

const UNANSWERED = { result: NO_RESULT, fromStore: false } as const;

export interface LedgerOptions extends MeasureOptions {
  /** Are sketches kept, by which near-duplicates are found? */
  readonly sketches?: boolean;
}

/** Options with what the model decides, and nothing left open. */
type Settled = LedgerOptions & { readonly cvarLevel: number };
const settledFor = ({ spec }: EvaluatorInfo, options: LedgerOptions): Settled => ({
  ...options,
  cvarLevel: options.cvarLevel ?? DEFAULT_CVAR_LEVEL,
  pooled: spec.pooled,
});

/**
 * The numbers of one document's responses, and the log of what changed: position n of the log names
 * the response that changed n-th, so that a view can ask for all that is new to it.
 */
export class Ledger {
  readonly table: ResponseTable;
  readonly options: Settled;
  private readonly log = new Column(Uint32Array);
  /** Up to this position of the log, position n names response n; undefined: all of it. */
  private inOrder: number | undefined;
  revision = 0;
  live = 0;
  scored = 0;
  fromStore = 0;

  constructor(
    readonly info: EvaluatorInfo,
    options: LedgerOptions,
  ) {
    const { reference } = info;
    // It is of the model's own reading.
    const fits = reference?.tau === options.tau && options.weights === undefined;
    this.table = new ResponseTable(info.spec.levels, fits ? reference : undefined);
    this.options = settledFor(info, options);
  }

  /** Would the numbers be the same with this model and these options? */
  fits(info: EvaluatorInfo, options: LedgerOptions): boolean {
    return (
      this.info.modelHash === info.modelHash &&
      isDeepStrictEqual(this.options, settledFor(info, options))
    );
  }

  /** Numbers a row's responses and ties its pair, or its set of completions. @param row its ordinal in the file of that number */
  add(row: number, slots: readonly Slot[], file = 0): number[] {
    const of = this.options.sketches === true ? (slot: Slot) => slot.sketch?.() : () => undefined;
    return this.tied(slots.map((slot) => this.table.add({ file, row, ...slot, sketch: of(slot) })));
  }

  private tied(ids: number[]): number[] {
    const { table } = this;
    table.join(ids.filter((id) => inSet(table.kindOf(id), table.rating.get(id))));
    this.live += ids.length;
    this.compare(ids);
    return ids;
  }

  /** As `add` and `settle`, of rows that came with their scores. @returns how many responses they have */
  addKnown(rows: KnownRows, file = 0): number {
    const { responses } = rows;
    const first = this.table.append(rows, file);
    this.live += responses;
    this.scored += responses;
    this.fromStore += responses;
    for (let n = 0; n < responses; n++) this.note(first + n);
    return responses;
  }

  /**
   * Ties each response of a row to the strongest of those that were found worse, by expectation where there are scores;
   * the worst of all to the first that was found better.
   * @returns of each response the one that was found worse, or -1
   */
  private compare(ids: readonly number[]): number[] {
    const { table } = this;
    const standings = ids.map((id) => table.standing(id));
    const strengths = ids.map((id) => (table.scored(id) ? table.expectation.get(id) : -Infinity));
    return ids.map((id, n) => {
      const below = strongestBelow(n, standings, strengths);
      const other = ids[below < 0 ? firstAbove(n, standings) : below];
      if (other !== undefined) table.against(id, other);
      return ids[below] ?? -1;
    });
  }

  /**
   * The same with new numbers, in the order of `rows`, and without the responses that are gone.
   * @param tick lets messages in, and throws when it is of no use any more
   */
  async compacted(
    rows: readonly { readonly row: number; readonly ids: readonly number[] }[],
    tick: () => Promise<void>,
  ): Promise<{ ledger: Ledger; ids: number[][] }> {
    const fresh = new Ledger(this.info, this.options);
    fresh.fromStore = this.fromStore;
    const ids: number[][] = [];
    for (const { row, ids: old } of rows) {
      const mine = fresh.tied(old.map((id) => fresh.table.adopt(this.table, id, row)));
      for (const id of mine) {
        if (fresh.table.scored(id)) fresh.scored++;
        fresh.note(id);
      }
      ids.push(mine);
      await tick();
    }
    return { ledger: fresh, ids };
  }

  /** The results of a row's responses, in the order of `ids`. */
  settle(
    ids: readonly number[],
    targets: readonly Pick<ScoredTarget, 'result' | 'fromStore'>[],
  ): void {
    const { table } = this;
    ids.forEach((id, n) => {
      const { result, fromStore } = targets[n] ?? UNANSWERED;
      if (result.ok) {
        if (!table.scored(id)) this.scored++;
        if (fromStore) this.fromStore++;
        const { tokens, truncatedTokens } = result.score;
        table.score(id, measure(result.score, table.levels, this.options), tokens, truncatedTokens);
      } else table.errors.set(id, result.error);
    });
    this.settled(ids);
  }

  /** Of a row whose responses have their scores: which are compared, and what comes of it. */
  private settled(ids: readonly number[]): void {
    const { table } = this;
    const others = this.compare(ids);
    for (const [n, id] of ids.entries()) {
      const other = others[n]!;
      if (other >= 0 && table.scored(id) && table.scored(other))
        table.beats.set(
          id,
          probabilityBeats(table.quantiles(id), table.quantiles(other), table.levels),
        );
      this.note(id);
    }
  }

  /** Takes responses out: no rule and no statistic sees them any more. */
  remove(ids: readonly number[]): void {
    const { table } = this;
    for (const id of ids) {
      if (table.scored(id)) this.scored--;
      this.live--;
      table.remove(id);
      this.note(id);
    }
  }

  /** While responses are scored in the order of their numbers, the log need not be kept. */
  private note(id: number): void {
    if (id !== this.revision) this.inOrder ??= this.revision;
    if (this.inOrder !== undefined) this.log.set(this.revision - this.inOrder, id);
    this.revision++;
  }

  private noted(position: number): number {
    const kept = this.inOrder ?? Infinity;
    return position < kept ? position : this.log.get(position - kept);
  }

  alive(id: number): boolean {
    return id < this.table.length && !this.table.removed(id);
  }

  /** Log positions [from, from + limit). */
  changes(from: number, limit: number): number[] {
    const to = Math.min(this.revision, from + limit);
    return Array.from({ length: Math.max(0, to - from) }, (_, n) => this.noted(from + n));
  }
}
