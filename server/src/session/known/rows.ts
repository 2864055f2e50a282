// Rows whose responses all have scores in the store: the reader's process hashes, looks up and measures them, and sends
// numbers in place of texts.
import type { WrittenRows } from '../../datasets/process/index.js';
import { identityOf } from '../../engine/index.js';
import type { EvaluatorInfo } from '../../engine/types.js';
import type { MeasureOptions } from '../../qrm/index.js';
import type { KeptScores } from '../score-service.js';

export type { WrittenRows };

/** What the reader's process must know to write such rows; plain data. */
export interface KnownAsk {
  /** File of the score store. */
  readonly store: string;
  /** What its scores must be by (`identityOf`). */
  readonly identity: string;
  /** The model's quantile levels, length K. */
  readonly levels: readonly number[];
  readonly measures: MeasureOptions;
}

/** The ask for an audit by these scores; undefined where they are in no file. */
export const knownAsk = (
  info: EvaluatorInfo,
  store: KeptScores | undefined,
  { tau, lambda, cvarLevel, weights, pooled }: MeasureOptions,
): KnownAsk | undefined => {
  if (store?.file === undefined) return undefined;
  const measures = {
    tau,
    lambda,
    ...(cvarLevel !== undefined && { cvarLevel }),
    ...(weights !== undefined && { weights }),
    ...(pooled !== undefined && { pooled }),
  };
  return { store: store.file, identity: identityOf(info), levels: info.spec.levels, measures };
};

/** What stands where among the numbers of a response; K quantiles follow, ascending. Ordinals and lines count from the part's beginning. */
export const AT = {
  /** Ordinal of its row, and the row's bytes. */
  row: 0,
  rowStart: 1,
  rowEnd: 2,
  /** Responses of the row, on its first one; 0 on the others. */
  ofRow: 3,
  conversation: 4,
  target: 5,
  kind: 6,
  label: 7,
  line: 8,
  column: 9,
  endLine: 10,
  endColumn: 11,
  start: 12,
  end: 13,
  hashHigh: 14,
  hashLow: 15,
  rating: 16,
  tokens: 17,
  truncated: 18,
  expectation: 19,
  tail: 20,
  cvar: 21,
  spread: 22,
  certaintyEquivalent: 23,
  modes: 24,
  /** P(it beats the one that was found worse); NaN where none was. */
  beats: 25,
  /** The response that it is compared with, and the next one of its set: how many places on; 0: there is none. */
  partner: 26,
  next: 27,
  quantiles: 28,
} as const;

/** Such rows: the numbers of their responses, one after the other. */
export class KnownRows {
  /** Numbers of a response. */
  readonly size: number;
  readonly numbers: Float64Array;
  readonly words: readonly string[];
  /** Records and lines of the file before those that the numbers count. */
  readonly before: WrittenRows['before'];
  /** How many responses they have. */
  readonly responses: number;

  /** @param levels K */
  constructor({ numbers, words, before }: WrittenRows, levels: number) {
    this.size = AT.quantiles + levels;
    this.numbers = numbers;
    this.words = words;
    this.before = before;
    this.responses = numbers.length / this.size;
  }

  /** Tells of each row its ordinal in the file, and its bytes. */
  each(tell: (row: number, start: number, end: number) => void): void {
    const { numbers, size, before } = this;
    for (let at = 0; at < numbers.length; at += numbers[at + AT.ofRow]! * size)
      tell(numbers[at]! + before.records, numbers[at + AT.rowStart]!, numbers[at + AT.rowEnd]!);
  }
}
