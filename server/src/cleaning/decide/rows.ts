import type { ResponseTable } from '../../audit/index.js';

/** The responses of a row, in its order. */
export interface RowResponses {
  readonly file: number;
  readonly row: number;
  readonly ids: readonly number[];
}

/** The rows of a table, in its order: responses of a row follow one another. */
export function* rowsOf(table: ResponseTable): Generator<RowResponses> {
  for (let i = 0; i < table.length;) {
    const [file, row] = [table.file.get(i), table.row.get(i)];
    const ids: number[] = [];
    for (; i < table.length && table.file.get(i) === file && table.row.get(i) === row; i++)
      if (!table.removed(i)) ids.push(i);
    if (ids.length > 0) yield { file, row, ids };
  }
}
