import type { GatingLayer, QrmHeads } from '../../../model/heads/heads.js';
import type { FeatureStore } from '../../features/feature-store.js';
import { matrix, takeRows, type Matrix } from '../../matrix/matrix.js';
import { accuracy, gateWeights, pairScores } from '../../regression/preferences.js';
import type { Accuracy, SourceFigures } from './figures.js';
import type { GateStage } from '../gate.js';
import type { ScoredPairs } from '../gate-stage.js';
import type { Plan } from '../sample.js';

/**
 * How the pairs of each source are ranked: training pairs by the folds' heads and gates, held-out ones by
 * the final model.
 */
export async function judgeSources(
  plan: Plan,
  _store: FeatureStore,
  heads: QrmHeads,
  gate: GateStage | undefined,
): Promise<SourceFigures[]> {
  if (!gate) return [];
  const { scored } = gate;
  const M = heads.spec.attributes.length;
  const weightsOf = (layers: readonly GatingLayer[], rows: readonly number[]) => ({
    chosen: gateWeights(layers, heads.temperature, takeRows(scored.chosen, rows)),
    rejected: gateWeights(layers, heads.temperature, takeRows(scored.rejected, rows)),
  });
  const out: SourceFigures[] = [];
  for (const source of new Set(plan.pairs.map((p) => p.source))) {
    const rows = plan.pairs.flatMap((p, i) => (p.source === source ? [i] : []));
    const held = rows.filter((i) => plan.pairs[i]!.heldOut);
    const training = rows.filter((i) => !plan.pairs[i]!.heldOut);
    let right = 0;
    for (const [f, layers] of gate.folds.entries()) {
      const inside = training.filter((i) => plan.pairs[i]!.fold === f);
      if (inside.length === 0) continue;
      right += inside.length * accuracy(scoresOf(scored, inside, weightsOf(layers, inside)));
    }
    const shown = held.length > 0 ? held : training;
    const weights = weightsOf(gate.layers, shown);
    const judged: Accuracy | undefined =
      held.length > 0
        ? { pairs: held.length, accuracy: accuracy(scoresOf(scored, held, weights)) }
        : undefined;
    out.push({
      source,
      training:
        training.length > 0
          ? { pairs: training.length, accuracy: right / training.length }
          : undefined,
      heldOut: judged,
      gate: columnMeans(weights.chosen),
      alone: Array.from({ length: M }, (_, m) => {
        const one = matrix(shown.length, M);
        for (let i = 0; i < shown.length; i++) one.data[i * M + m] = 1;
        return accuracy(scoresOf(scored, shown, { chosen: one, rejected: one }));
      }),
    });
  }
  return out;
}

function scoresOf(
  scored: ScoredPairs,
  rows: readonly number[],
  weights: { chosen: Matrix; rejected: Matrix },
): { chosen: number[]; rejected: number[] } {
  return pairScores(
    {
      chosenRewards: takeRows(scored.chosenRewards, rows),
      rejectedRewards: takeRows(scored.rejectedRewards, rows),
    },
    weights,
  );
}

function columnMeans({ rows, columns, data }: Matrix): number[] {
  return Array.from({ length: columns }, (_, m) => {
    let sum = 0;
    for (let i = m; i < data.length; i += columns) sum += data[i]!;
    return sum / rows;
  });
}
