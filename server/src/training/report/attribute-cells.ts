import { percent } from '../../protocol/index.js';
import { wilson } from '../../evaluation/statistics/index.js';
import type { PartFigures, TrainingFigures } from '../pipeline/figures/figures.js';

type Attribute = TrainingFigures['attributes'][number];
/** An attribute, or one of its sources by itself. */
type Row = Attribute | PartFigures;

/** The 95 % interval of the share of held-out labels at or below the predicted quantile of level k. */
export const coverageRange = (a: Attribute, k: number): [low: number, high: number] =>
  wilson(a.coverage[k]!, a.byResponse ? a.responses : a.labels);

/** An attribute's held-out figures as text, for the card and the page. */
const CELLS = {
  name: (a: Row) => a.name,
  source: (a: Row) => ('source' in a ? a.source : ''),
  trainedOn: (a: Row) => String(a.trainResponses),
  judgedOn: (a: Row) => String(a.responses),
  labels: (a: Row) => String(a.labels),
  pinball: (a: Row) => a.pinball.toFixed(4),
  constant: (a: Row) => a.baseline.toFixed(4),
  ratio: (a: Row) => (a.pinball / a.baseline).toFixed(3),
  crossValidatedRatio: (a: Row) =>
    'source' in a ? '' : (a.crossValidated.pinball / a.crossValidated.baseline).toFixed(3),
  rankCorrelation: (a: Row) => a.rankCorrelation.toFixed(3),
  auroc: (a: Row) => a.auroc?.toFixed(3) ?? '',
  crossings: (a: Row) => percent(a.crossings),
};

/** A table's header and rows. @param columns what each is called there, and which cell it shows */
export function attributeCells(
  attributes: readonly Row[],
  columns: Readonly<Record<string, keyof typeof CELLS>>,
): [header: string[], rows: string[][]] {
  const cells = Object.values(columns).map((cell) => CELLS[cell]);
  return [Object.keys(columns), attributes.map((a) => cells.map((cell) => cell(a)))];
}
