import type { EvaluatorInfo } from '../../../engine/types.js';
import { CODES } from '../../finding.js';
import { writeWhole } from '../../../files/write.js';
import type { ReportedAudit } from '../reported.js';
import { times, UNPACED, type Pace } from '../pace.js';
import { LocalEncoder, type ColumnData, type ParquetEncoder, type ParquetHead } from './encoder.js';

/** Rows of a row group. */
const GROUP = 20_000;

type Column =
  | { readonly name: string; readonly type: 'DOUBLE'; readonly get: (i: number) => number }
  | { readonly name: string; readonly type: 'INT32'; readonly get: (i: number) => number }
  | { readonly name: string; readonly type: 'STRING'; readonly get: (i: number) => string };

export interface ParquetOptions {
  readonly pace?: Pace;
  /** Told of the rows written so far. */
  readonly progress?: (rows: number) => void;
  /** Ends the writing; no file is then left. */
  readonly signal?: AbortSignal;
  /** Default: encodes in this thread, which takes hundreds of milliseconds at a time. */
  readonly encoder?: (head: ParquetHead) => ParquetEncoder;
}

/**
 * One row a response, in the table's order: its numbers, its quantiles q_1 … q_K and its findings. No
 * texts. Column by column, so that no group is held as a whole.
 * @returns the file's size in bytes
 */
export async function parquetReport(
  audit: ReportedAudit,
  info: EvaluatorInfo,
  path: string,
  options: ParquetOptions = {},
): Promise<number> {
  const { table } = audit;
  const { pace = UNPACED, progress, signal } = options;
  const columns = columnsOf(audit, await codesOf(audit, pace));
  const numbers = new Uint32Array(table.length);
  let n = 0;
  const keep = (i: number) => {
    if (audit.alive?.(i) !== false) numbers[n++] = i;
  };
  await times(table.length, keep, pace);
  const alive = numbers.subarray(0, n);
  const head: ParquetHead = {
    columns: columns.map(({ name, type }) => ({ name, type })),
    metadata: [
      { key: 'model', value: info.modelName },
      { key: 'tau', value: String(audit.tau) },
      { key: 'levels', value: JSON.stringify(info.spec.levels) },
    ],
  };
  const encoder = options.encoder?.(head) ?? new LocalEncoder(head);
  try {
    return await writeWhole(
      path,
      async (write) => {
        for (let from = 0; from < alive.length; from += GROUP) {
          const group = alive.subarray(from, from + GROUP);
          for (const column of columns) {
            await write(await encoder.column(await dataOf(column, group, pace)));
            signal?.throwIfAborted();
            await pace.tick();
          }
          progress?.(from + group.length);
        }
        await write(await encoder.finish());
      },
      signal,
    );
  } finally {
    await encoder.close();
  }
}

async function dataOf(column: Column, group: Uint32Array, pace: Pace): Promise<ColumnData> {
  const n = group.length;
  const at = (p: number) => group[p] ?? 0;
  if (column.type === 'STRING') {
    const words = new Array<string>(n);
    await times(n, (p) => (words[p] = column.get(at(p))), pace);
    return words;
  }
  const numbers = column.type === 'INT32' ? new Int32Array(n) : new Float64Array(n);
  await times(n, (p) => (numbers[p] = column.get(at(p))), pace);
  return numbers;
}

/** The codes of each response as bits, in the order of CODES: some bytes a response. */
async function codesOf(audit: ReportedAudit, pace: Pace): Promise<Uint32Array> {
  const codes = new Uint32Array(audit.table.length);
  for await (const finding of audit.findings()) {
    await pace.tick();
    if ('response' in finding) codes[finding.response]! |= 1 << CODES.indexOf(finding.code);
  }
  return codes;
}

const codeList = (bits: number): string => CODES.filter((_, n) => (bits >> n) & 1).join(',');

function columnsOf(audit: ReportedAudit, codes: Uint32Array): Column[] {
  const { table } = audit;
  const column = (name: string, get: (i: number) => number): Column => ({
    name,
    type: 'DOUBLE',
    get: (i) => (table.scored(i) ? get(i) : Number.NaN),
  });
  const place = (i: number) => audit.place?.(i) ?? table.place(i);
  const fileOf = (i: number) => audit.sources[table.file.get(i)]?.path ?? '';
  return [
    { name: 'file', type: 'STRING', get: fileOf },
    { name: 'row', type: 'INT32', get: (i) => audit.row?.(i) ?? table.row.get(i) },
    { name: 'line', type: 'INT32', get: (i) => place(i).line + 1 },
    { name: 'kind', type: 'STRING', get: (i) => table.kindOf(i) },
    { name: 'label', type: 'STRING', get: (i) => table.label(i) },
    { name: 'hash', type: 'STRING', get: (i) => table.hash(i) },
    column('expectation', (i) => table.expectation.get(i)),
    column('tail', (i) => table.tail.get(i)),
    column('cvar', (i) => table.cvar.get(i)),
    column('spread', (i) => table.spread.get(i)),
    column('certainty_equivalent', (i) => table.certaintyEquivalent.get(i)),
    column('chosen_beats_rejected', (i) => table.beats.get(i)),
    ...table.levels.map((_, k) => column(`q_${k + 1}`, (i) => table.quantile(i, k))),
    { name: 'tokens', type: 'INT32', get: (i) => table.tokens.get(i) || 0 },
    { name: 'findings', type: 'STRING', get: (i) => codeList(codes[i] ?? 0) },
  ];
}
