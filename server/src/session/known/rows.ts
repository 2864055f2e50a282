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

/** Numbers of a row before its responses: ordinal, first and last byte, how many responses. */
const ROW_NUMBERS = 4;
/** What stands where among the numbers of a response; K quantiles follow, ascending. */
export const AT = {
  conversation: 0,
  target: 1,
  kind: 2,
  label: 3,
  place: 4,
  hashHigh: 10,
  hashLow: 11,
  rating: 12,
  tokens: 13,
  truncated: 14,
  expectation: 15,
  tail: 16,
  cvar: 17,
  spread: 18,
  certaintyEquivalent: 19,
  modes: 20,
  quantiles: 21,
} as const;

/** A response among those of `KnownRows`: its numbers begin at `at`. */
export interface KnownResponse {
  readonly numbers: Float64Array;
  readonly at: number;
  readonly label: string;
}

/** Goes through such rows, one after the other. */
export class KnownRows {
  private next = 0;
  private at = 0;
  /** Ordinal of the row in its file, and its bytes there. */
  index = 0;
  start = 0;
  end = 0;
  /** How many responses it has. */
  length = 0;
  private readonly size: number;

  /** @param levels K */
  constructor(
    private readonly rows: WrittenRows,
    levels: number,
  ) {
    this.size = AT.quantiles + levels;
  }

  /** Goes to the next row; false after the last. */
  advance(): boolean {
    const { numbers } = this.rows;
    const at = this.next;
    if (at >= numbers.length) return false;
    this.index = numbers[at]!;
    this.start = numbers[at + 1]!;
    this.end = numbers[at + 2]!;
    this.length = numbers[at + 3]!;
    this.at = at + ROW_NUMBERS;
    this.next = this.at + this.length * this.size;
    return true;
  }

  /** The n-th response of the row, from 0. */
  response(n: number): KnownResponse {
    const { numbers, words } = this.rows;
    const at = this.at + n * this.size;
    return { numbers, at, label: words[numbers[at + AT.label]!]! };
  }
}
