import type {
  Conversation,
  DatasetEvent,
  DatasetProblem,
  DatasetRow,
  Place,
  Turn,
} from '../types.js';
import { NO_PLACE, NONE, PLACE, PROBLEM, ROW, type Packed, type WrittenRows } from './pack.js';

/** The events of a batch, one by one. */
export class Unpacker {
  private n = 0;
  private t = 0;

  constructor(private readonly packed: Packed) {}

  *events(): Generator<DatasetEvent | WrittenRows> {
    const { numbers } = this.packed;
    while (this.n < numbers.length) {
      const kind = this.number();
      if (kind === ROW) yield { type: 'row', row: this.row() };
      else if (kind === PROBLEM) yield { type: 'problem', problem: this.problem() };
      else yield this.written();
    }
  }

  private written(): WrittenRows {
    const { numbers, words } = this.packed;
    const [count, size, index] = [this.number(), this.number(), this.number()];
    const place = this.place();
    const from = this.n;
    this.n += size;
    return { type: 'written', count, numbers: numbers.subarray(from, this.n), words, index, place };
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
