import type {
  Conversation,
  DatasetEvent,
  DatasetProblem,
  DatasetRow,
  Place,
  Turn,
} from '../types.js';

/**
 * Events as columns: one array of numbers, one of texts, one of words that come again and again
 * (roles, labels, codes). A structured clone of the events themselves takes five times as long.
 */
export interface Packed {
  readonly numbers: Float64Array;
  readonly texts: readonly string[];
  readonly words: readonly string[];
}

const ROW = 1;
const PROBLEM = 0;
/** What a number says of the fields that follow. */
const NO_PLACE = -1;
const PLACE = -2;
const NONE = -1;

/** Keys that have columns; others cross as JSON, so that a field which is added later is not lost. */
const ROW_KEYS = new Set(['index', 'place', 'conversations']);
const CONVERSATION_KEYS = new Set(['kind', 'label', 'turns', 'targets']);
const TURN_KEYS = new Set(['role', 'content', 'place', 'pieces']);
const PROBLEM_KEYS = new Set(['index', 'place', 'code', 'message']);

export class Packer {
  private numbers: number[] = [];
  private texts: string[] = [];
  private words = new Map<string, number>();
  /** Events that are not taken yet. */
  count = 0;
  /** What they weigh, about: characters of their texts, 8 for a number. */
  weight = 0;

  add(event: DatasetEvent): void {
    const before = this.numbers.length;
    if (event.type === 'row') this.row(event.row);
    else this.problem(event.problem);
    this.count++;
    this.weight += 8 * (this.numbers.length - before);
  }

  take(): Packed {
    const packed = {
      numbers: Float64Array.from(this.numbers),
      texts: this.texts,
      words: [...this.words.keys()],
    };
    this.numbers = [];
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

  private word(word: string): void {
    let n = this.words.get(word);
    if (n === undefined) this.words.set(word, (n = this.words.size));
    this.numbers.push(n);
  }

  private place(p: Place): void {
    this.numbers.push(p.line, p.column, p.endLine, p.endColumn, p.start, p.end);
  }

  private rest(value: object, known: ReadonlySet<string>): void {
    let rest: Record<string, unknown> | undefined;
    for (const key in value)
      if (!known.has(key)) (rest ??= {})[key] = (value as Record<string, unknown>)[key];
    this.numbers.push(rest === undefined ? 0 : 1);
    if (rest !== undefined) this.text(JSON.stringify(rest));
  }

  private row(row: DatasetRow): void {
    this.numbers.push(ROW, row.index);
    this.place(row.place);
    this.rest(row, ROW_KEYS);
    // Chosen and rejected share the turns of their prompt: each crosses once.
    const seen = new Map<Turn, number>();
    this.numbers.push(row.conversations.length);
    for (const conversation of row.conversations) {
      this.word(conversation.kind);
      this.word(conversation.label);
      this.rest(conversation, CONVERSATION_KEYS);
      this.numbers.push(conversation.turns.length);
      for (const turn of conversation.turns) {
        const known = seen.get(turn);
        this.numbers.push(known ?? seen.size);
        if (known !== undefined) continue;
        seen.set(turn, seen.size);
        this.turn(turn);
      }
      this.numbers.push(conversation.targets.length, ...conversation.targets);
    }
  }

  private turn(turn: Turn): void {
    this.word(turn.role);
    this.text(turn.content);
    if (turn.place !== undefined) {
      this.numbers.push(PLACE);
      this.place(turn.place);
    } else this.numbers.push(turn.pieces?.length ?? NO_PLACE);
    if (turn.place === undefined) for (const piece of turn.pieces ?? []) this.place(piece);
    this.rest(turn, TURN_KEYS);
  }

  private problem(problem: DatasetProblem): void {
    this.numbers.push(PROBLEM, problem.index ?? NONE);
    this.place(problem.place);
    this.word(problem.code);
    this.text(problem.message);
    this.rest(problem, PROBLEM_KEYS);
  }
}

/** The events of a batch, one by one. */
export class Unpacker {
  private n = 0;
  private t = 0;

  constructor(private readonly packed: Packed) {}

  *events(): Generator<DatasetEvent> {
    const { numbers } = this.packed;
    while (this.n < numbers.length) {
      if (this.number() === ROW) yield { type: 'row', row: this.row() };
      else yield { type: 'problem', problem: this.problem() };
    }
  }

  private number(): number {
    return this.packed.numbers[this.n++]!;
  }

  private text(): string {
    return this.packed.texts[this.t++]!;
  }

  private word(): string {
    return this.packed.words[this.number()]!;
  }

  private place(): Place {
    const { numbers } = this.packed;
    const at = this.n;
    this.n += 6;
    return {
      line: numbers[at]!,
      column: numbers[at + 1]!,
      endLine: numbers[at + 2]!,
      endColumn: numbers[at + 3]!,
      start: numbers[at + 4]!,
      end: numbers[at + 5]!,
    };
  }

  private rest(): object | undefined {
    return this.number() === 0 ? undefined : (JSON.parse(this.text()) as object);
  }

  private row(): DatasetRow {
    const index = this.number();
    const place = this.place();
    const rest = this.rest();
    const turns: Turn[] = [];
    const conversations: Conversation[] = [];
    for (let left = this.number(); left > 0; left--) conversations.push(this.conversation(turns));
    return { index, place, conversations, ...rest };
  }

  private conversation(seen: Turn[]): Conversation {
    const kind = this.word() as Conversation['kind'];
    const label = this.word();
    const rest = this.rest();
    const turns: Turn[] = [];
    for (let left = this.number(); left > 0; left--) {
      const n = this.number();
      turns.push((seen[n] ??= this.turn()));
    }
    const targets: number[] = [];
    for (let left = this.number(); left > 0; left--) targets.push(this.number());
    return { kind, label, turns, targets, ...rest };
  }

  private turn(): Turn {
    const role = this.word();
    const content = this.text();
    const written = this.number();
    if (written === PLACE) {
      const place = this.place();
      const rest = this.rest();
      return rest === undefined ? { role, content, place } : { role, content, place, ...rest };
    }
    const pieces: Place[] = [];
    for (let left = written; left > 0; left--) pieces.push(this.place());
    const rest = this.rest();
    return { role, content, ...(written !== NO_PLACE && { pieces }), ...rest };
  }

  private problem(): DatasetProblem {
    const index = this.number();
    const place = this.place();
    const code = this.word() as DatasetProblem['code'];
    const message = this.text();
    return { index: index === NONE ? undefined : index, place, code, message, ...this.rest() };
  }
}
