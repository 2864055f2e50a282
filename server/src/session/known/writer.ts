import type { Writer } from '../../datasets/process/main.js';
import type { WriteRow } from '../../datasets/process/index.js';
import { RESPONSE_KINDS } from '../../protocol/index.js';
import { measure } from '../../qrm/index.js';
import { scoreKey, StoreReader } from '../../store/index.js';
import { slotsOf } from '../slots.js';
import { whyUnscored } from '../unscored.js';
import type { KnownAsk } from './rows.js';

/** Writes the rows of which the store has every score; undefined where the store cannot be read. */
export async function knownWriter(ask: KnownAsk): Promise<Writer | undefined> {
  const store = await StoreReader.open(ask.store);
  if (store === undefined) return undefined;
  return { write: writeKnown(ask, store), close: () => store.close() };
}

const writeKnown =
  ({ identity, levels, measures }: KnownAsk, store: StoreReader): WriteRow =>
  (row, out) => {
    const slots = slotsOf(row);
    if (slots.length === 0) return false;
    out.number(row.index);
    out.number(row.place.start);
    out.number(row.place.end);
    out.number(slots.length);
    for (const { conversation, target, kind, label, place, hash, rating } of slots) {
      // No model scores it, whatever the store has.
      if (whyUnscored(row.conversations[conversation]?.turns[target]) !== undefined) return false;
      const score = store.get(scoreKey(identity, hash));
      // Another model's shape is an error of whoever scores.
      if (score?.quantiles.length !== levels.length) return false;
      const m = measure(score, levels, measures);
      out.number(conversation);
      out.number(target);
      out.number(RESPONSE_KINDS.indexOf(kind));
      out.word(label);
      out.place(place);
      out.number(hash.readUInt32BE(0));
      out.number(hash.readUInt32BE(4));
      out.number(rating ?? Number.NaN);
      out.number(score.tokens);
      out.number(score.truncatedTokens);
      out.number(m.expectation);
      out.number(m.tail);
      out.number(m.cvar);
      out.number(m.spread);
      out.number(m.certaintyEquivalent);
      out.number(m.modes);
      for (let k = 0; k < levels.length; k++) out.number(m.sorted[k]!);
    }
    return true;
  };
