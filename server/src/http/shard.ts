import type { Container, FieldMapping } from '../datasets/formats.js';
import { readDataset } from '../datasets/process/index.js';
import type { Evaluator } from '../engine/types.js';
import type { MeasureOptions } from '../qrm/index.js';
import { LazyEvaluator } from '../session/model/lazy-evaluator.js';
import { scoreLine } from '../session/score-line.js';
import { scoreRows } from '../session/score-rows.js';
import { ScoreService } from '../session/score-service.js';
import { encodeScore } from '../store/index.js';

/** Problems of one shard that are told with their words; the others are counted. */
const TOLD = 100;

/** A part of a file, or a whole one, whose bytes follow in a frame of their own. */
export interface Shard {
  /** The file's: formats are told by it where the content does not tell. */
  readonly name: string;
  readonly format?: Container;
  readonly mapping?: FieldMapping;
  readonly settings: MeasureOptions;
}

/**
 * The scores of a shard's responses, in its order, with rows, lines and bytes counted from its beginning.
 * `score`: the record of the store (store/record.ts) in base64, from which an audit is made, to the last bit.
 * @throws AbortError; what the evaluator throws
 */
export async function scoreShard(
  evaluator: Evaluator,
  { name, format, mapping, settings }: Shard,
  bytes: Buffer,
  signal: AbortSignal,
) {
  const { spec } = evaluator.info;
  const service = new ScoreService(LazyEvaluator.of(evaluator), undefined);
  const events = readDataset({ name, bytes }, { format, mapping, signal });
  const lines: object[] = [];
  const problems: { line: number; column: number; code: string; message: string }[] = [];
  let [rows, records, bad] = [0, 0, 0];
  for await (const event of scoreRows(events, { service, signal })) {
    if (event.type === 'problem') {
      const { place, code, message, index } = event.problem;
      if (index !== undefined) records = Math.max(records, index + 1);
      bad++;
      const [line, column] = [place.line + 1, place.column + 1];
      if (problems.length < TOLD) problems.push({ line, column, code, message });
      continue;
    }
    rows++;
    records = Math.max(records, event.row.index + 1);
    for (const target of event.targets) {
      const { result } = target;
      const line = scoreLine(event, target, spec, { ...settings, pooled: spec.pooled });
      lines.push(
        result.ok ? { ...line, score: encodeScore(result.score).toString('base64') } : line,
      );
    }
  }
  return { rows, records, bad, problems, lines };
}
