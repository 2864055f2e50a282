import type { Writer } from '../../datasets/process/main.js';
import type { WriteRow } from '../../datasets/process/index.js';
import { RESPONSE_KINDS } from '../../protocol/index.js';
import { measure, probabilityBeats, type Measures } from '../../qrm/index.js';
import type { RewardScore } from '../../qrm/types.js';
import { scoreKey, StoreReader } from '../../store/index.js';
import { slotsOf, type Slot } from '../slots.js';
import { firstAbove, inSet, nextInSet, standing, strongestBelow } from '../ties.js';
import { whyUnscored } from '../unscored.js';
import type { KnownAsk } from './rows.js';

/** Writes the rows of which the store has every score; undefined where the store cannot be read. */
export async function knownWriter(ask: KnownAsk): Promise<Writer | undefined> {
  const store = await StoreReader.open(ask.store);
  if (store === undefined) return undefined;
  return { write: writeKnown(ask, store), close: () => store.close() };
}

/** What is known of the responses of one row, each of these as long as the row needs or longer. */
class RowFigures {
  readonly scores: RewardScore[] = [];
  readonly measures: Measures[] = [];
  readonly ratings: number[] = [];
  readonly standings: number[] = [];
  readonly strengths: number[] = [];
  readonly members: boolean[] = [];

  set(
    n: number,
    { kind, rating = Number.NaN }: Slot,
    score: RewardScore,
    measures: Measures,
  ): void {
    this.scores[n] = score;
    this.measures[n] = measures;
    // float32, as the table keeps them.
    this.ratings[n] = Math.fround(rating);
    this.standings[n] = standing(kind, this.ratings[n]!);
    this.strengths[n] = Math.fround(measures.expectation);
    this.members[n] = inSet(kind, rating);
  }
}

function writeKnown({ identity, levels, measures }: KnownAsk, store: StoreReader): WriteRow {
  const figures = new RowFigures();
  return (row, out) => {
    const slots = slotsOf(row);
    const { length } = slots;
    if (length === 0) return false;
    for (let n = 0; n < length; n++) {
      const slot = slots[n]!;
      // No model scores it, whatever the store has.
      const turn = row.conversations[slot.conversation]?.turns[slot.target];
      if (whyUnscored(turn) !== undefined) return false;
      const score = store.get(scoreKey(identity, slot.hash));
      // Another model's shape is an error of whoever scores.
      if (score?.quantiles.length !== levels.length) return false;
      figures.set(n, slot, score, measure(score, levels, measures));
    }
    const { standings, strengths } = figures;
    for (let n = 0; n < length; n++) {
      const { conversation, target, kind, label, place, hash } = slots[n]!;
      const { tokens, truncatedTokens } = figures.scores[n]!;
      const m = figures.measures[n]!;
      const below = strongestBelow(n, standings, strengths, length);
      const other = below < 0 ? firstAbove(n, standings, length) : below;
      const worse = below < 0 ? undefined : figures.measures[below]!.sorted;
      out.number(row.index);
      out.number(row.place.start);
      out.number(row.place.end);
      out.number(n === 0 ? length : 0);
      out.number(conversation);
      out.number(target);
      out.number(RESPONSE_KINDS.indexOf(kind));
      out.word(label);
      out.place(place);
      out.number(hash.readUInt32BE(0));
      out.number(hash.readUInt32BE(4));
      out.number(figures.ratings[n]!);
      out.number(tokens);
      out.number(truncatedTokens);
      out.number(m.expectation);
      out.number(m.tail);
      out.number(m.cvar);
      out.number(m.spread);
      out.number(m.certaintyEquivalent);
      out.number(m.modes);
      out.number(worse === undefined ? Number.NaN : probabilityBeats(m.sorted, worse, levels));
      out.number(other < 0 ? 0 : other - n);
      out.number(nextInSet(n, figures.members, length));
      for (let k = 0; k < levels.length; k++) out.number(m.sorted[k]!);
    }
    return true;
  };
}
