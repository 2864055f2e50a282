import type {
  Conversation,
  DatasetEvent,
  DatasetProblem,
  DatasetRow,
  Place,
  Turn,
} from '../../types.js';
import type { PartSize } from '../../formats.js';
import { NO_PLACE, NONE, PLACE, PROBLEM, ROW, type Packed, type WrittenRows } from './pack.js';

const NOTHING: PartSize = { records: 0, lines: 0 };

/** The events of a batch, one by one. */
export class Unpacker {
  private n = 0;
  private t = 0;

  /** @param before records and lines before the part of the file in which the events count them */
  constructor(
    private readonly packed: Packed,
    private readonly before = NOTHING,
  ) {}

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
    const [count, size, index] = [this.number(), this.number(), this.ordinal()];
    const place = this.place();
    const from = this.n;
    this.n += size;
    const own = numbers.subarray(from, this.n);
    return { type: 'written', count, numbers: own, words, index, place, before: this.before };
  }

  private number(): number {
    return this.packed.numbers[this.n++]!;
  }

  private ordinal(): number {
    return this.number() + this.before.records;
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
    const { lines } = this.before;
    return {
      line: numbers[at]! + lines,
      column: numbers[at + 1]!,
      endLine: numbers[at + 2]! + lines,
      endColumn: numbers[at + 3]!,
      start: numbers[at + 4]!,
      end: numbers[at + 5]!,
    };
  }

  private rest(): object | undefined {
    return this.number() === 0 ? undefined : (JSON.parse(this.text()) as object);
  }

  private row(): DatasetRow {
    const index = this.ordinal();
    const place = this.place();
    const rest = this.rest() as Partial<DatasetRow> | undefined;
    const vote = rest?.vote?.map(({ place: at, ...v }) =>
      at ? { ...v, place: this.moved(at) } : v,
    );
    const turns: Turn[] = [];
    const conversations: Conversation[] = [];
    for (let left = this.number(); left > 0; left--) conversations.push(this.conversation(turns));
    return { index, place, conversations, ...rest, ...(vote && { vote }) };
  }

  /** A place that came as JSON. */
  private moved(place: Place): Place {
    const { lines } = this.before;
    return { ...place, line: place.line + lines, endLine: place.endLine + lines };
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
    const own = index === NONE ? undefined : index + this.before.records;
    const code = this.word() as DatasetProblem['code'];
    const message = this.text();
    return { index: own, place, code, message, ...this.rest() };
  }
}
