import type { Place } from '../datasets/types.js';
import type { Measures } from '../qrm/index.js';
import type { ReferenceFigures } from '../qrm/types.js';
import { NO_PARTNER, REMOVED_KIND, RESPONSE_KINDS, type ResponseKind } from '../protocol/index.js';
import { SKETCH_WORDS } from '../similarity/index.js';
import { AT, type KnownRows } from '../session/known/rows.js';
import { Column } from './columns.js';
import type { NewResponse } from './new-response.js';
import { standing } from '../session/ties.js';

/** Columns with the names of `AT`. */
const ofResponse = ['conversation', 'target', 'kind', 'hashHigh', 'hashLow', 'rating', 'tokens', 'truncated', 'expectation', 'tail', 'cvar', 'spread', 'certaintyEquivalent', 'modes', 'beats'] as const; // prettier-ignore

const LINES: ReadonlySet<number> = new Set([AT.line, AT.endLine]);

function kindIndex(kind: ResponseKind): number {
  const index = RESPONSE_KINDS.indexOf(kind);
  if (index < 0) throw new Error(`${kind} is no kind of response: list it in RESPONSE_KINDS`);
  return index;
}

/**
 * The numbers of every response of a run, in columns: about 150 bytes a response with 19 levels, and
 * no text. Text for a report is read again from the files.
 */
export class ResponseTable {
  length = 0;
  /** Another number once responses were tied to others, or taken out. */
  ties = 0;
  /** Why a response has no score. */
  readonly errors = new Map<number, string>();
  private readonly labels: string[] = [];
  private readonly labelIds = new Map<string, number>();
  private readonly u32 = () => new Column(Uint32Array);
  private readonly f32 = () => new Column(Float32Array);
  readonly file = this.u32();
  readonly row = this.u32();
  readonly conversation = this.u32();
  readonly target = this.u32();
  readonly kind = new Column(Uint8Array);
  readonly hashHigh = this.u32();
  readonly hashLow = this.u32();
  /** The other half of a pair, or `NO_PARTNER`. */
  private readonly partners = this.u32();
  /** Of a response in a set, the next one plus 1, and of the last the first; 0 in no set. */
  private readonly nextInSet = this.u32();
  private readonly labelColumn = this.u32();
  private readonly places = [this.u32(), this.u32(), this.u32(), this.u32()];
  private readonly start = new Column(Float64Array);
  private readonly bytes = this.u32();
  readonly expectation = this.f32();
  readonly tail = this.f32();
  readonly cvar = this.f32();
  readonly spread = this.f32();
  readonly certaintyEquivalent = this.f32();
  readonly modes = new Column(Uint8Array);
  readonly tokens = this.u32();
  readonly truncated = this.u32();
  /** As its raters have it, beside the others of its row; NaN where nobody said. */
  readonly rating = this.f32();
  /** P(chosen beats rejected), on the one that was found better, of its partner; NaN elsewhere. */
  readonly beats = this.f32();
  private readonly quantileColumn = this.f32();
  private readonly sketchColumn = this.u32();
  /** Are there sketches, by which near-duplicates are found? 96 bytes a response. */
  sketched = false;

  /** What responses that come with their scores have in numbers, as they stand here. */
  private readonly ofKnown = [
    ...ofResponse.map((name) => [this[name], AT[name]] as const),
    ...this.places.map((column, n) => [column, AT.line + n] as const),
    [this.start, AT.start] as const,
  ];

  /**
   * @param levels the model's quantile levels: K numbers are kept of each response
   * @param reference what a share means where the table has too few figures
   */
  constructor(
    readonly levels: readonly number[],
    readonly reference?: ReferenceFigures,
  ) {}

  /** Adds an unscored response and gives its number. */
  add(r: NewResponse): number {
    const i = this.length++;
    this.file.set(i, r.file);
    this.row.set(i, r.row);
    this.conversation.set(i, r.conversation);
    this.target.set(i, r.target);
    this.kind.set(i, kindIndex(r.kind));
    this.labelColumn.set(i, this.labelId(r.label));
    const view = new DataView(r.hash.buffer, r.hash.byteOffset, r.hash.byteLength);
    this.hashHigh.set(i, view.getUint32(0));
    this.hashLow.set(i, view.getUint32(4));
    this.partners.set(i, NO_PARTNER);
    const p = r.place;
    [p.line, p.column, p.endLine, p.endColumn].forEach((v, n) => this.places[n]?.set(i, v));
    this.start.set(i, p.start);
    this.bytes.set(i, p.end - p.start);
    this.tail.set(i, Number.NaN);
    this.beats.set(i, Number.NaN);
    this.rating.set(i, r.rating ?? Number.NaN);
    if (r.sketch !== undefined) {
      this.sketched = true;
      r.sketch.forEach((word, n) => this.sketchColumn.set(i * SKETCH_WORDS + n, word));
    }
    return i;
  }

  private labelId(label: string): number {
    let id = this.labelIds.get(label);
    if (id === undefined) this.labelIds.set(label, (id = this.labels.push(label) - 1));
    return id;
  }

  /** A response of another table with the same levels, with all that is known of it but its pair; gives its number. */
  adopt(from: ResponseTable, i: number, row: number): number {
    const hash = Buffer.alloc(8);
    hash.writeUInt32BE(from.hashHigh.get(i), 0);
    hash.writeUInt32BE(from.hashLow.get(i), 4);
    const n = this.add({
      file: from.file.get(i),
      row,
      conversation: from.conversation.get(i),
      target: from.target.get(i),
      kind: from.kindOf(i),
      label: from.label(i),
      place: from.place(i),
      hash,
      rating: from.rating.get(i),
      sketch: from.sketch(i),
    });
    const error = from.errors.get(i);
    if (error !== undefined) this.errors.set(n, error);
    if (!from.scored(i)) return n;
    const measures = {
      expectation: from.expectation.get(i),
      tail: from.tail.get(i),
      cvar: from.cvar.get(i),
      spread: from.spread.get(i),
      certaintyEquivalent: from.certaintyEquivalent.get(i),
      modes: from.modes.get(i),
      sorted: from.quantiles(i),
    };
    this.score(n, measures, from.tokens.get(i), from.truncated.get(i));
    this.beats.set(n, from.beats.get(i));
    return n;
  }

  score(i: number, m: Omit<Measures, 'crossings'>, tokens: number, truncated: number): void {
    this.expectation.set(i, m.expectation);
    this.tail.set(i, m.tail);
    this.cvar.set(i, m.cvar);
    this.spread.set(i, m.spread);
    this.certaintyEquivalent.set(i, m.certaintyEquivalent);
    this.modes.set(i, m.modes);
    this.tokens.set(i, tokens);
    this.truncated.set(i, truncated);
    const K = this.levels.length;
    for (let k = 0; k < K; k++) this.quantileColumn.set(i * K + k, m.sorted[k] ?? Number.NaN);
  }

  /** Adds responses that come with their scores; gives the first one's number. */
  append({ numbers, size, words, before, responses }: KnownRows, file: number): number {
    const first = this.length;
    this.length += responses;
    this.ties++;
    for (const [column, what] of this.ofKnown)
      column.take(first, responses, numbers, what, size, LINES.has(what) ? before.lines : 0);
    this.row.take(first, responses, numbers, AT.row, size, before.records);
    const labels = words.map((word) => this.labelId(word));
    const K = this.levels.length;
    for (let n = 0, at = 0, i = first; n < responses; n++, at += size, i++) {
      const [partner, next] = [numbers[at + AT.partner]!, numbers[at + AT.next]!];
      this.file.set(i, file);
      this.labelColumn.set(i, labels[numbers[at + AT.label]!]!);
      this.bytes.set(i, numbers[at + AT.end]! - numbers[at + AT.start]!);
      this.partners.set(i, partner === 0 ? NO_PARTNER : i + partner);
      if (next !== 0) this.nextInSet.set(i, i + next + 1);
      this.quantileColumn.take(i * K, K, numbers, at + AT.quantiles, 1);
    }
    return first;
  }

  pair(chosen: number, rejected: number): void {
    this.ties++;
    this.partners.set(chosen, rejected);
    this.partners.set(rejected, chosen);
  }

  /** The response that i is compared with, where that one may be compared with another. */
  against(i: number, other: number): void {
    this.ties++;
    this.partners.set(i, other);
  }

  partner(i: number): number | undefined {
    const p = this.partners.get(i);
    return p === NO_PARTNER ? undefined : p;
  }

  /** Ties responses to one prompt that are no pair: several completions. */
  join(set: readonly number[]): void {
    if (set.length < 2) return;
    set.forEach((i, n) => this.nextInSet.set(i, 1 + (set[(n + 1) % set.length] as number)));
  }

  /** The other responses of its set, in the order of their numbers; none in no set. */
  siblings(i: number): number[] {
    const others: number[] = [];
    for (let at = (this.nextInSet.get(i) || 0) - 1; at >= 0 && at !== i;) {
      if (!this.removed(at)) others.push(at);
      at = this.nextInSet.get(at) - 1;
    }
    return others.sort((a, b) => a - b);
  }

  scored(i: number): boolean {
    return !Number.isNaN(this.tail.get(i));
  }

  kindOf(i: number): ResponseKind {
    return RESPONSE_KINDS[this.kind.get(i)] ?? 'completion';
  }

  /** Takes a response out: it has no figure, is no duplicate of anything, and no rule sees it any more. */
  remove(i: number): void {
    this.ties++;
    for (const column of [this.tail, this.beats, this.expectation]) column.set(i, Number.NaN);
    this.errors.delete(i);
    this.hashHigh.set(i, 0xffffffff);
    this.hashLow.set(i, i);
    this.kind.set(i, REMOVED_KIND);
  }

  removed(i: number): boolean {
    return this.kind.get(i) === REMOVED_KIND;
  }

  /** As its raters have it; of a pair chosen is above rejected. NaN where nobody said. */
  standing(i: number): number {
    return standing(this.kindOf(i), this.rating.get(i));
  }
  /** Is it known how good its raters found it? */
  rated(i: number): boolean {
    return !Number.isNaN(this.rating.get(i));
  }

  /** Had a response this label, one that is gone included? */
  knows(label: string): boolean {
    return this.labelIds.has(label);
  }

  label(i: number): string {
    return this.labels[this.labelColumn.get(i)] ?? '';
  }

  /** The k-th of the sorted quantiles, k from 0. */
  quantile(i: number, k: number): number {
    return this.quantileColumn.get(i * this.levels.length + k);
  }

  /** The sorted quantiles, length K. */
  quantiles(i: number): Float32Array {
    const K = this.levels.length;
    const sorted = new Float32Array(K);
    for (let k = 0; k < K; k++) sorted[k] = this.quantileColumn.get(i * K + k);
    return sorted;
  }

  /** A word of a response's sketch. */
  readonly sketchWord = (i: number, word: number): number =>
    this.sketchColumn.get(i * SKETCH_WORDS + word);

  private sketch(i: number): Uint32Array | undefined {
    if (!this.sketched) return undefined;
    return Uint32Array.from({ length: SKETCH_WORDS }, (_, word) => this.sketchWord(i, word));
  }

  place(i: number): Place {
    const [line = 0, column = 0, endLine = 0, endColumn = 0] = this.places.map((c) => c.get(i));
    const start = this.start.get(i);
    return { line, column, endLine, endColumn, start, end: start + this.bytes.get(i) };
  }

  /** 16 hexadecimal digits that name the response's text, whatever the model and the line. */
  hash(i: number): string {
    const hex = (x: number) => x.toString(16).padStart(8, '0');
    return hex(this.hashHigh.get(i)) + hex(this.hashLow.get(i));
  }

  *values(column: Column): Generator<number> {
    for (let i = 0; i < this.length; i++) {
      if (this.scored(i)) yield column.get(i);
    }
  }
}
