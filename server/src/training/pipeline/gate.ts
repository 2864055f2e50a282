import { join } from 'node:path';
import type { GatingLayer } from '../../model/heads/heads.js';
import type { TrainConfig } from '../config/config.js';
import { unitHash } from '../data/selection.js';
import { designIn, makeBasis } from '../regression/basis.js';
import type { FeatureStore } from '../features/feature-store.js';
import type { GateEpoch, GateOptions, GatePairs, GateTraining } from '../gating/gate.js';
import { matrix, takeRows } from '../matrix/matrix.js';
import { oneBlock } from '../matrix/moments.js';
import { fitGate } from '../regression/preferences.js';
import type { Products } from '../matrix/products.js';
import {
  adjustRewards,
  ownAttributes,
  scorePairs,
  takePairs,
  type ScoredPairs,
} from './gate-stage.js';
import type { AttributeHeads } from './heads.js';
import type { Plan } from './sample.js';
import { Stages } from './stages.js';
import type { TrainWatch } from './watch.js';

export interface GateStage {
  readonly layers: readonly GatingLayer[];
  readonly curve: readonly GateEpoch[];
  readonly bestEpoch: number;
  readonly trainPairs: number;
  /** All pairs with their rewards, adjusted; training pairs by heads that did not see them. */
  readonly scored: ScoredPairs;
  /** Of each fold, a gate that did not see its pairs, to judge them by. */
  readonly folds: readonly (readonly GatingLayer[])[];
}

/** Standard deviation of the gate's inputs; of the first component where there are components. */
const GATE_SCALE = 1;
/** Share of the training prompts that early stopping watches. */
const WATCHED = 0.1;

/** Stage 4: the gate on the training pairs; undefined where weights are fixed or there are no pairs. */
export async function trainGateStage(
  plan: Plan,
  kept: readonly AttributeHeads[],
  transform: Float32Array | undefined,
  store: FeatureStore,
  products: Products,
  config: TrainConfig,
  watch: TrainWatch,
): Promise<GateStage | undefined> {
  const raw = await scorePairs(store, plan.pairs, kept);
  const scored = {
    ...raw,
    chosenRewards: adjustRewards(raw.chosenRewards, transform),
    rejectedRewards: adjustRewards(raw.rejectedRewards, transform),
  };
  const usable = plan.pairs.flatMap((p, i) => (!p.heldOut && p.gate ? [i] : []));
  if (config.weights || usable.length === 0) return undefined;
  const stages = new Stages(join(config.work, 'stages'));
  const names = kept.map(({ name }) => name);
  const { rows, columns, data } = takeRows(scored.chosen, usable);
  const basis = await makeBasis(
    // Its products in float64.
    oneBlock(matrix(rows, columns, data)),
    config.components,
    GATE_SCALE,
    products,
  );
  const designed = {
    ...scored,
    chosen: await designIn(scored.chosen, basis, products),
    rejected: await designIn(scored.rejected, basis, products),
  };
  const train = async (rows: readonly number[], label: string): Promise<GateTraining> => {
    const watched = (i: number): boolean =>
      config.gate.patience > 0 &&
      unitHash(config.seed, `watched ${plan.pairs[i]!.group}`) < WATCHED;
    const of = (indices: readonly number[]): GatePairs => {
      const part = takePairs(designed, indices);
      return { ...part, own: ownAttributes(part.pairs, names, plan) };
    };
    const options: GateOptions = { ...config.gate, seed: config.seed };
    const training = of(rows.filter((i) => !watched(i)));
    const validation = rows.some(watched) ? of(rows.filter(watched)) : undefined;
    const parts = [training, ...(validation ? [validation] : [])].flatMap((p) => [
      p.chosen.data,
      p.rejected.data,
      p.chosenRewards.data,
      p.rejectedRewards.data,
      p.own!.data,
    ]);
    return stages.get('gate', [JSON.stringify(options), ...parts], () =>
      Promise.resolve(
        fitGate(training, basis, options, validation, {
          signal: watch.signal,
          onEpoch: ({ epoch, loss }, epochs) =>
            watch.progress({
              stage: 'gate',
              fraction: epoch / epochs,
              note: `${label}, loss ${loss.toFixed(4)}`,
            }),
        }),
      ),
    );
  };
  const final = await train(usable, 'final');
  const folds: (readonly GatingLayer[])[] = [];
  for (let f = 0; f < config.folds; f++) {
    const others = usable.filter((i) => plan.pairs[i]!.fold !== f);
    // Too few prompts to leave some out: the fold's pairs are judged by the final gate.
    folds.push(others.length < 2 ? final.layers : (await train(others, `fold ${f + 1}`)).layers);
  }
  return { ...final, trainPairs: usable.length, scored, folds };
}
