// What a file says of which response is better, besides the names chosen and rejected.
import type { RecordNode, ValueNode } from '../../json/tree.js';
import type { Conversation, VoteField } from '../../types.js';
import { textOf } from '../fields.js';
import { parseNested } from '../nested.js';

/** A vote between two responses: below 0 for the first, above for the second, 0 for neither. */
export interface Vote {
  readonly side: number;
  /** The fields that say it, and what they would hold for the contrary; undefined where that is not known. */
  readonly fields?: readonly VoteField[];
}

/** Names of fields that hold a vote between two responses, the likeliest first. */
const VOTES = [
  'better_response_id',
  'preferred_response_id',
  'chosen_id',
  'winner',
  'preference',
  'preferred',
  'human_preference',
  'better',
  'better_response',
  'choice',
  'vote',
  'label',
  'labels',
  'safer_response_id',
];
/** Below 0 the first response is preferred, above the second (HelpSteer2 and 3). */
const STRENGTHS = ['preference_strength', 'overall_preference'];
const TIE =
  /^(?:tie|draw|equal|both|neither|none|same|a\s*=+\s*b|both[ _]?bad|tie \(?both ?bad\)?|\[\[c\]\])$/i;
const LONG =
  /^(?:\[\[)?(?:(?:model|response|answer|assistant|output|completion|conversation|option)[ _-]?)?([ab012])(?:\]\])?$/i;

const numberOf = (node: ValueNode | undefined): number => {
  const text = textOf(node)?.value.trim() ?? '';
  return text === '' ? Number.NaN : Number(text);
};
function turned(field: string, node: ValueNode | undefined, contrary: string): VoteField {
  const place = textOf(node)?.place();
  return { field, ...(place !== undefined && { place }), contrary };
}

/** Two fields whose values change places. */
function exchanged({ fields }: RecordNode, a: string, b: string): VoteField[] | undefined {
  const [one, two] = [fields.get(a), fields.get(b)];
  const [x, y] = [textOf(one)?.value, textOf(two)?.value];
  return x === undefined || y === undefined ? undefined : [turned(a, one, y), turned(b, two, x)];
}

/** The contrary of a text that names one of two sides, in its own spelling. */
function contraryOf(text: string, sides: readonly [string, string]): string {
  const other = (side: string): string => {
    const now = side.toLowerCase() === sides[0] ? sides[1] : sides[0];
    return side === side.toUpperCase() ? now.toUpperCase() : now;
  };
  if (/^\s*[ab]\s*[<>]+\s*[ab]\s*$/i.test(text)) return text.replace(/[ab]/gi, other);
  return text.replace(/([ab012])(\]*\s*)$/i, (_, side: string, rest: string) => other(side) + rest);
}

/** @param sides how the two fields end, in lower case: `a` and `b`, `0` and `1`, `1` and `2` */
function voteIn(
  field: string,
  node: ValueNode,
  sides: readonly [string, string],
): Vote | undefined {
  const written = textOf(node)?.value;
  if (written === undefined) return undefined;
  const text = written.trim();
  const said = (side: number, contrary: string): Vote => ({
    side,
    ...(side !== 0 && { fields: [turned(field, node, contrary)] }),
  });
  const of = (side: number): Vote => said(side, contraryOf(written, sides));
  if (TIE.test(text)) return { side: 0 };
  const compared = /^([ab])\s*([<>])+\s*([ab])$/i.exec(text);
  if (compared !== null) {
    const first = compared[2] === '>' ? compared[1]! : compared[3]!;
    return of(first.toLowerCase() === 'a' ? -1 : 1);
  }
  const number = text === '' ? Number.NaN : Number(text);
  // SHP: 1 where A is preferred, 0 where B is.
  if (field === 'labels' && (number === 0 || number === 1)) {
    return number === 1 ? said(-1, '0') : said(1, '1');
  }
  // AlpacaEval: from 1 for the first to 2 for the second.
  if (field === 'preference' && sides[1] === '2' && number >= 1 && number <= 2)
    return Number.isInteger(number)
      ? of(number === 1 ? -1 : 1)
      : said(number - 1.5, `${Number((3 - number).toPrecision(12))}`);
  if (field === 'preference' && number < 0) return said(number, negative(written));
  if (/^first$/i.test(text)) return said(-1, likeWritten('second', written));
  if (/^second$/i.test(text)) return said(1, likeWritten('first', written));
  const named =
    LONG.exec(text)?.[1]?.toLowerCase() ?? (Number.isInteger(number) ? text : undefined);
  if (named === sides[0]) return of(-1);
  if (named === sides[1]) return of(1);
  return undefined;
}

/** A number with the other sign, as it is written. */
const negative = (written: string): string =>
  /^\s*-/.test(written) ? written.replace('-', '') : written.replace(/\+?(?=[\d.])/, '-');

/** A word in the letters of another: small, large, or with a capital. */
const likeWritten = (word: string, as: string): string =>
  as === as.toUpperCase() ? word.toUpperCase() : /^\s*[A-Z]/.test(as) ? word[0]!.toUpperCase() + word.slice(1) : word; // prettier-ignore

/** Columns `winner_model_a`, `winner_model_b`, `winner_tie` of ones and noughts. */
function flags(record: RecordNode): Vote | undefined {
  const { fields } = record;
  const on = (name: string): boolean | undefined => {
    const text = textOf(fields.get(name))?.value.trim().toLowerCase();
    return text === undefined ? undefined : text === '1' || text === '1.0' || text === 'true';
  };
  const [a, b] = [on('winner_model_a'), on('winner_model_b')];
  if (a === undefined || b === undefined) return undefined;
  if (a === b) return { side: 0 };
  const turn = exchanged(record, 'winner_model_a', 'winner_model_b');
  return { side: a ? -1 : 1, ...(turn && { fields: turn }) };
}

/**
 * Which of two responses a record's own label prefers; undefined where it has none that is known.
 * @param names of the two fields; @param sides how they end
 */
export function voteOf(record: RecordNode, sides: readonly [string, string]): Vote | undefined {
  for (const name of STRENGTHS) {
    const node = record.fields.get(name);
    const number = numberOf(node);
    if (node !== undefined && Number.isFinite(number))
      return number === 0
        ? { side: 0 }
        : { side: number, fields: [turned(name, node, negative(textOf(node)!.value))] };
  }
  for (const name of VOTES) {
    const node = record.fields.get(name);
    const vote = node && voteIn(name, node, sides);
    if (vote !== undefined) return vote;
  }
  const flagged = flags(record);
  if (flagged !== undefined) return flagged;
  for (const stem of ['score', 'rating', 'votes', 'upvotes']) {
    const [one, two] = sides.map((side) =>
      [side, side.toUpperCase()].map((end) => `${stem}_${end}`).find((n) => record.fields.has(n)),
    );
    if (one === undefined || two === undefined) continue;
    const [a, b] = [one, two].map((name) => numberOf(record.fields.get(name))) as [number, number];
    if (!Number.isFinite(a) || !Number.isFinite(b)) continue;
    const turn = a === b ? undefined : exchanged(record, one, two);
    return { side: b - a, ...(turn && { fields: turn }) };
  }
  return undefined;
}

/** Parallel lists that rate a list of responses; with `rank`, the lower is the better. */
const RATINGS = [
  'ratings',
  'rating',
  'scores',
  'votes',
  'rewards',
  'overall_scores',
  'ranks',
  'rank',
  'ranking',
];
/** The same inside each response's object. */
const OWN = [
  'rank',
  'overall_score',
  'rating',
  'score',
  'pm_score',
  'votes',
  'upvotes',
  'reward',
  'selected',
];
const LOW_IS_GOOD = /^rank/;

/** How good each of the responses of a list was found, by the record's lists or by the responses' own fields. */
export function ratingsOf(record: RecordNode, items: readonly ValueNode[]): (number | undefined)[] {
  const valued = (name: string, node: ValueNode | undefined): number | undefined => {
    const said = textOf(node)?.value.trim().toLowerCase();
    const number = said === 'true' ? 1 : said === 'false' ? 0 : numberOf(node);
    return Number.isFinite(number) ? (LOW_IS_GOOD.test(name) ? -number : number) : undefined;
  };
  const differ = (ratings: readonly (number | undefined)[]): boolean =>
    new Set(ratings.filter((r) => r !== undefined)).size > 1;
  for (const name of RATINGS) {
    let node = record.fields.get(name);
    if (node?.kind === 'text' && /^\s*\[/.test(node.value)) {
      const inner = parseNested(node);
      if (inner.ok) node = inner.node;
    }
    if (node?.kind !== 'list' || node.items.length !== items.length) continue;
    const ratings = node.items.map((item) => valued(name, item));
    if (differ(ratings)) return ratings;
  }
  for (const name of OWN) {
    const ratings = items.map((item) =>
      item.kind === 'record' ? valued(name, item.fields.get(name)) : undefined,
    );
    if (differ(ratings)) return ratings;
  }
  return items.map(() => undefined);
}

/**
 * Responses with how good they were found: the best are chosen, the worst rejected, those between
 * completions. Where all are equal, or fewer than two are rated, nothing is said.
 */
export function rated(
  conversations: readonly Conversation[],
  ratings: readonly (number | undefined)[],
): Conversation[] {
  const known = ratings.filter((r): r is number => r !== undefined);
  const [best, worst] = [Math.max(...known), Math.min(...known)];
  if (!(worst < best)) return [...conversations];
  return conversations.map((c, i) => {
    const rating = ratings[i];
    if (rating === undefined) return c;
    const kind = rating === best ? 'chosen' : rating === worst ? 'rejected' : 'completion';
    return { ...c, kind, gold: { ...c.gold, rating } };
  });
}
