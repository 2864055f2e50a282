import type { DatasetEvent, DatasetRow } from '../datasets/types.js';
import type { MeasureOptions } from '../qrm/index.js';
import type { Contender } from './board.js';
import type { Item } from './items/item.js';
import type { SuiteName } from './suites/index.js';

/** A file to evaluate on; `open` is called once for each model, with `aside`. */
export interface EvaluationSource {
  readonly path: string;
  readonly open: () => AsyncIterable<DatasetEvent>;
}

/** A row of the table that a model's scores give: its name, and the weights in place of its gate. */
export interface RowSpec {
  readonly name: string;
  readonly kind: string;
  readonly weights?: readonly number[];
}

export interface EvaluationProblem {
  readonly file: number;
  /** From 0. */
  readonly line: number;
  readonly message: string;
  /** The row is no item; else it is one all the same. */
  readonly lost: boolean;
}

/** An item with what a row of the table made of it, as a per-item file shows it. */
export interface ScoredItem {
  readonly item: Item;
  readonly number: number;
  readonly row: DatasetRow;
  readonly file: number;
  readonly contender: Contender;
  /** Of right responses, then wrong ones. */
  readonly scores: readonly (readonly number[])[];
  readonly beats: number;
}

export interface RunOptions {
  readonly suite?: SuiteName;
  readonly limit?: number;
  readonly signal?: AbortSignal;
  readonly measure: MeasureOptions;
  readonly onItem?: (scored: ScoredItem) => Promise<void> | void;
  readonly onRow?: (file: number, row: DatasetRow, responses: number, fromStore: number) => void;
}
