import { createHash } from 'node:crypto';
import { problemFinding } from '../../../server/src/audit/index.js';
import type { ProblemFinding } from '../../../server/src/audit/index.js';
import type { DatasetEvent, DatasetRow, Place } from '../../../server/src/datasets/types.js';
import { Ledger } from '../../../server/src/audit/ledger.js';
import { LiveAudit } from '../../../server/src/live/live-audit.js';
import { TextEvaluator, scoreOf } from '../audit/helpers.js';

export const { info } = new TextEvaluator();
const KINDS = ['chosen', 'rejected'] as const;
/** As wide as a line of the file that the numbers stand for. */
const LINE = 100;

const place = (row: number, half: number): Place => {
  const column = 10 + half * 40;
  const start = row * LINE + column;
  return { line: row, column, endLine: row, endColumn: column + 30, start, end: start + 30 };
};
const textOf = (row: number, half: number) => `answer ${row % 977} of ${KINDS[half]}, "quoted" <b>`;

/** A live audit of generated pairs: numbers and places without a file. */
export class TableAudit extends LiveAudit {
  private readonly bad: ProblemFinding[];
  version = 1;

  constructor(readonly rows: number) {
    super(
      'file:///pairs.jsonl',
      { changed: () => undefined, found: () => undefined, log: () => undefined },
      { thresholds: {}, ignored: () => false },
    );
    const ledger = (this.ledger = new Ledger(info, { tau: 0.05, lambda: 1 }));
    let seed = 1;
    const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
    for (let row = 0; row < rows; row++) {
      const slots = KINDS.map((kind, half) => ({
        conversation: half,
        target: 1,
        kind,
        label: kind,
        place: place(row, half),
        hash: createHash('sha256').update(textOf(row, half)).digest().subarray(0, 16),
      }));
      const ids = ledger.add(row, slots);
      const targets = ids.map(() => ({
        result: { ok: true as const, score: scoreOf(random() - 0.5, 0.5 + random()) },
        fromStore: false,
      }));
      // One pair in a hundred waits for its scores.
      if (row % 100 !== 99) ledger.settle(ids, targets);
    }
    this.state = 'done';
    this.bad = Array.from({ length: 3 }, (_, n) =>
      problemFinding(0, {
        index: n,
        place: place(n, 0),
        code: 'malformed-row',
        message: `bad ${n}`,
      }),
    );
  }

  async ready(): Promise<this> {
    this.touched(0);
    await this.settled();
    return this;
  }

  /** The rows as a reader gives them. */
  async *open(): AsyncGenerator<DatasetEvent> {
    for (let row = 0; row < this.rows; row++) yield { type: 'row', row: await this.rowAt(row) };
  }

  private rowAt(index: number): Promise<DatasetRow> {
    const conversations = KINDS.map((kind, half) => ({
      kind,
      label: kind,
      targets: [1],
      turns: [
        { role: 'user', content: `question ${index}` },
        { role: 'assistant', content: textOf(index, half), place: place(index, half) },
      ],
    }));
    const whole = { ...place(index, 0), column: 0, endColumn: LINE - 1 };
    return Promise.resolve({ index, place: whole, conversations });
  }

  spot = (id: number) => this.ledger?.table.place(id) ?? place(0, 0);
  row = (id: number) => this.rowAt(this.rowNumber(id));
  rowNumber = (id: number) => this.ledger?.table.row.get(id) ?? 0;
  locate = () => undefined;
  problems = () => this.bad;
  problemCount = () => this.bad.length;
  progress = () => ({ rows: this.rows, fraction: 1, secondsLeft: 0 });
  run = () => Promise.resolve();
  cancel = () => undefined;
  *inOrder() {
    for (let id = 0; id < (this.ledger?.table.length ?? 0); id++) yield id;
  }
  override stamp(): string {
    return `${super.stamp()} ${this.version}`;
  }
}
