import type { Evaluation } from '../run.js';
import type { RatedScores } from '../rated-board.js';
import { calibrate, type AttributePassport, type CalibrationSample } from './passport.js';

/** Label of a response whose finding was accepted (bad) or ignored (fine). */
export const FINDINGS = 'accepted-findings';

/**
 * The entries of a passport from rated responses that a model was run over.
 * @param dataset of a response's file
 * @param problem told of attributes with too few labels
 */
export function passportEntries(
  { rated }: Pick<Evaluation, 'rated'>,
  scores: RatedScores,
  datasetOf: (response: number) => string,
  problem: (message: string) => void,
): AttributePassport[] {
  const out: AttributePassport[] = [];
  const K = scores.levels.length;
  for (const [attribute, labelled] of rated.attributes) {
    const labels = labelled.scaled();
    const head = scores.headOf(attribute);
    const column = head === undefined ? scores.reward : scores.head(head);
    const bySet = new Map<string, CalibrationSample[]>();
    labelled.response.forEach((r, n) => {
      if (Number.isNaN(scores.expectation.get(r))) return;
      const quantiles = Float64Array.from({ length: K }, (_, k) => column.get(r * K + k)).sort();
      const ys = labels[n]!;
      const sample = {
        prompt: rated.prompt[r]!,
        label: ys.reduce((a, b) => a + b, 0) / ys.length,
        quantiles,
        tail: scores.tail.get(r),
      };
      const set = datasetOf(r);
      const known = bySet.get(set);
      if (known === undefined) bySet.set(set, [sample]);
      else known.push(sample);
    });
    for (const [dataset, samples] of bySet) {
      const predictedBy = head === undefined ? 'reward' : 'head';
      try {
        out.push(calibrate({ dataset, attribute, predictedBy }, samples, scores.levels));
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        problem(error.message);
      }
    }
  }
  return out;
}
