import type { PartSize } from '../../formats.js';
import type { DatasetEvent, DatasetProblem, DatasetRow, Place, Turn } from '../../types.js';

/**
 * Events as columns: one array of numbers, one of texts, one of words that come again and again
 * (roles, labels, codes). A structured clone of the events themselves takes five times as long.
 */
export interface Packed {
  readonly numbers: Float64Array;
  readonly texts: readonly string[];
  readonly words: readonly string[];
  /** Rows in it, and those of them that another layer wrote. */
  readonly rows: number;
  readonly written: number;
}

export const ROW = 1;
export const PROBLEM = 0;
const WRITTEN = 2;
/** Numbers that there is room for at first. */
const ROOM = 1 << 14;
/** Numbers of a run of written rows, about: whoever takes it is busy for a millisecond. */
const RUN = 1 << 14;
/** Of a run: what it is, rows, numbers of them, ordinal and place of the last one. */
const RUN_HEAD = 10;

/** Rows that another layer wrote in a form of its own, one after the other. */
export interface WrittenRows {
  readonly type: 'written';
  readonly count: number;
  readonly numbers: Float64Array;
  /** What numbers made by `Packer.word` stand for. */
  readonly words: readonly string[];
  /** Ordinal and place of the last row. */
  readonly index: number;
  readonly place: Place;
  /** Records and lines before the part of the file in which `numbers` count them. */
  readonly before: PartSize;
}

/**
 * What another layer makes of a row in place of the row itself: numbers and words, put into the packer.
 * @returns false where the row is to be sent as it is; what was put is taken back
 */
export type WriteRow = (row: DatasetRow, out: Pick<Packer, 'number' | 'word' | 'place'>) => boolean;

/** What a number says of the fields that follow. */
export const NO_PLACE = -1;
export const PLACE = -2;
export const NONE = -1;

/** Keys that have columns; others cross as JSON, so that a field which is added later is not lost. */
const ROW_KEYS = new Set(['index', 'place', 'conversations']);
const CONVERSATION_KEYS = new Set(['kind', 'label', 'turns', 'targets']);
const TURN_KEYS = new Set(['role', 'content', 'place', 'pieces']);
const PROBLEM_KEYS = new Set(['index', 'place', 'code', 'message']);

export class Packer {
  private numbers = new Float64Array(ROOM);
  private length = 0;
  /** Where the run of written rows that goes on begins. */
  private run: number | undefined;
  private texts: string[] = [];
  private words = new Map<string, number>();
  /** Events that are not taken yet. */
  count = 0;
  private rows = 0;
  private writtenRows = 0;
  /** What they weigh, about: characters of their texts, 8 for a number. */
  weight = 0;

  add(event: DatasetEvent, write?: WriteRow): void {
    const before = this.length;
    if (event.type === 'row') this.rows++;
    if (event.type === 'row' && write !== undefined && this.written(event.row, write)) {
      this.writtenRows++;
    } else {
      this.run = undefined;
      if (event.type === 'row') this.row(event.row);
      else this.problem(event.problem);
    }
    this.count++;
    this.weight += 8 * (this.length - before);
  }

  private written(row: DatasetRow, write: WriteRow): boolean {
    const mark = this.length;
    let run = this.run ?? mark;
    if (mark - run > RUN) run = mark;
    if (run === mark) for (let n = 0; n < RUN_HEAD; n++) this.number(n === 0 ? WRITTEN : 0);
    if (!write(row, this)) {
      this.length = mark;
      return false;
    }
    this.run = run;
    const end = this.length;
    this.numbers[run + 1]!++;
    this.numbers[run + 2] = end - run - RUN_HEAD;
    this.numbers[run + 3] = row.index;
    this.length = run + 4;
    this.place(row.place);
    this.length = end;
    return true;
  }

  take(): Packed {
    const packed = {
      numbers: this.numbers.slice(0, this.length),
      texts: this.texts,
      words: [...this.words.keys()],
      rows: this.rows,
      written: this.writtenRows,
    };
    this.rows = this.writtenRows = 0;
    this.length = 0;
    this.run = undefined;
    this.texts = [];
    this.words = new Map();
    this.count = 0;
    this.weight = 0;
    return packed;
  }

  private text(text: string): void {
    this.texts.push(text);
    this.weight += text.length;
  }

  number(x: number): void {
    if (this.length === this.numbers.length) {
      const more = new Float64Array(2 * this.length);
      more.set(this.numbers);
      this.numbers = more;
    }
    this.numbers[this.length++] = x;
  }

  /** A text that comes again and again: it crosses once. */
  word(word: string): void {
    let n = this.words.get(word);
    if (n === undefined) this.words.set(word, (n = this.words.size));
    this.number(n);
  }

  place(p: Place): void {
    this.number(p.line);
    this.number(p.column);
    this.number(p.endLine);
    this.number(p.endColumn);
    this.number(p.start);
    this.number(p.end);
  }

  private rest(value: object, known: ReadonlySet<string>): void {
    let rest: Record<string, unknown> | undefined;
    for (const key in value)
      if (!known.has(key)) (rest ??= {})[key] = (value as Record<string, unknown>)[key];
    this.number(rest === undefined ? 0 : 1);
    if (rest !== undefined) this.text(JSON.stringify(rest));
  }

  private row(row: DatasetRow): void {
    this.number(ROW);
    this.number(row.index);
    this.place(row.place);
    this.rest(row, ROW_KEYS);
    // Chosen and rejected share the turns of their prompt: each crosses once.
    const seen = new Map<Turn, number>();
    this.number(row.conversations.length);
    for (const conversation of row.conversations) {
      this.word(conversation.kind);
      this.word(conversation.label);
      this.rest(conversation, CONVERSATION_KEYS);
      this.number(conversation.turns.length);
      for (const turn of conversation.turns) {
        const known = seen.get(turn);
        this.number(known ?? seen.size);
        if (known !== undefined) continue;
        seen.set(turn, seen.size);
        this.turn(turn);
      }
      this.number(conversation.targets.length);
      for (const target of conversation.targets) this.number(target);
    }
  }

  private turn(turn: Turn): void {
    this.word(turn.role);
    this.text(turn.content);
    if (turn.place !== undefined) {
      this.number(PLACE);
      this.place(turn.place);
    } else this.number(turn.pieces?.length ?? NO_PLACE);
    if (turn.place === undefined) for (const piece of turn.pieces ?? []) this.place(piece);
    this.rest(turn, TURN_KEYS);
  }

  private problem(problem: DatasetProblem): void {
    this.number(PROBLEM);
    this.number(problem.index ?? NONE);
    this.place(problem.place);
    this.word(problem.code);
    this.text(problem.message);
    this.rest(problem, PROBLEM_KEYS);
  }
}
