import { percent } from '../../protocol/index.js';
import type { TrainingFigures } from '../pipeline/figures/figures.js';

type Attribute = TrainingFigures['attributes'][number];

/** An attribute's held-out figures as text, for the card and the page. */
const CELLS = {
  name: (a: Attribute) => a.name,
  trainedOn: (a: Attribute) => String(a.trainResponses),
  judgedOn: (a: Attribute) => String(a.responses),
  labels: (a: Attribute) => String(a.labels),
  pinball: (a: Attribute) => a.pinball.toFixed(4),
  constant: (a: Attribute) => a.baseline.toFixed(4),
  ratio: (a: Attribute) => (a.pinball / a.baseline).toFixed(3),
  crossValidatedRatio: ({ crossValidated: c }: Attribute) => (c.pinball / c.baseline).toFixed(3),
  rankCorrelation: (a: Attribute) => a.rankCorrelation.toFixed(3),
  auroc: (a: Attribute) => a.auroc?.toFixed(3) ?? '',
  crossings: (a: Attribute) => percent(a.crossings),
};

/** A table's header and rows. @param columns what each is called there, and which cell it shows */
export function attributeCells(
  attributes: readonly Attribute[],
  columns: Readonly<Record<string, keyof typeof CELLS>>,
): [header: string[], rows: string[][]] {
  const cells = Object.values(columns).map((cell) => CELLS[cell]);
  return [Object.keys(columns), attributes.map((a) => cells.map((cell) => cell(a)))];
}
