import { Column, MAX_PROBLEMS, problemFinding, type ProblemFinding } from '../../audit/index.js';
import type { DatasetProblem, DatasetRow, Place } from '../../datasets/types.js';
import type { CountedFile } from '../../datasets/process/index.js';

const RECENT_ROWS = 512;

/** What one reading of a file has found so far; the next reading begins with another one. */
export class DiskRun {
  /** Problems that are kept. */
  readonly found: ProblemFinding[] = [];
  /** Problems beyond MAX_PROBLEMS: counted, not kept. */
  more = 0;
  rows = 0;
  readonly recent = new Map<number, DatasetRow>();
  /** Nothing more is read. */
  over = false;
  /** Where each row stands, by its ordinal. */
  private readonly starts = new Column(Float64Array);
  private readonly bytes = new Column(Uint32Array);
  private readonly began = performance.now();
  private end = 0;

  constructor(readonly file: CountedFile) {}

  problem(problem: DatasetProblem): void {
    if (this.found.length < MAX_PROBLEMS) this.found.push(problemFinding(0, problem));
    else this.more++;
  }

  row(index: number, { start, end }: Pick<Place, 'start' | 'end'>): void {
    this.starts.set(index, start);
    this.bytes.set(index, end - start);
    this.rows++;
    this.end = end;
  }

  /** A row's bytes in the file. */
  span(row: number): { start: number; bytes: number } {
    return { start: this.starts.get(row), bytes: this.bytes.get(row) };
  }

  /** Keeps a row that was read again for a view, while it is among the last. */
  keep(index: number, row: DatasetRow): void {
    this.recent.set(index, row);
    if (this.recent.size <= RECENT_ROWS) return;
    for (const oldest of this.recent.keys()) {
      this.recent.delete(oldest);
      break;
    }
  }

  /** @param done all is read and scored */
  progress(done: boolean) {
    const fraction = done ? 1 : this.file.fraction(this.end, this.rows - 1);
    const spent = (performance.now() - this.began) / 1000;
    const secondsLeft =
      fraction === null || fraction <= 0 ? null : (spent / fraction) * (1 - fraction);
    return { rows: this.rows, fraction, secondsLeft };
  }
}
