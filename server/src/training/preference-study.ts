import { error, percent } from './card-format.js';

/**
 * Why the default's gated score ranks hh-harmless no better than chance, measured beforehand on the gate's
 * 867 training pairs (grouped cross-validation) and once on the 289 held-out ones.
 *
 * A probe is a linear Bradley-Terry model of the difference of the reward features, ridge chosen by
 * cross-validated loss on the training pairs. Mixtures are of the shipped heads' expectations.
 * Rejected: columns of the heads' design scaled by the larger of their spread on labelled texts and on the
 * pairs' own (unlabelled), the gate's last layer starting at zero, 50 epochs. It was chosen by the training
 * pairs among 64 settings of the heads and 39 of the gate, before the held-out pairs were looked at.
 */
const STUDY = {
  trainPairs: 867,
  heldOutPairs: 289,
  /** Float32 engine's features after 16 layers, fitted on all training pairs, accuracy on the held-out ones. */
  probeLayers: 16,
  probeHeldOut: 188 / 289,
  /** Cross-validated accuracy on the training pairs; PyTorch bfloat16 features. */
  probeByLayer: [
    { layers: 4, accuracy: 0.644 },
    { layers: 8, accuracy: 0.617 },
    { layers: 12, accuracy: 0.631 },
    { layers: 14, accuracy: 0.623 },
    { layers: 16, accuracy: 0.631 },
    { layers: 18, accuracy: 0.63 },
    { layers: 20, accuracy: 0.629 },
    { layers: 24, accuracy: 0.623 },
    { layers: 30, accuracy: 0.617 },
  ],
  /** The best of 11 constant mixtures with weights in [0, 1], on the pairs it was picked on. */
  constantMixture: 0.528,
  /**
   * Weights of any sign, linear in the gating feature, cross-validated: more than a softmax gate may do.
   * The best of 8 ridges.
   */
  signedGate: 0.548,
  /** Of the rejected setting: on the training pairs, cross-validated, and on the held-out ones. */
  rejected: { training: 0.563, heldOut: 151 / 289 },
  /** Share of pairs whose two responses have the same context, so that the gate weighs both alike. */
  sameContext: 0.996,
} as const;

/** What limits the pair accuracy, for the card; nothing for a layer that was not studied. */
export function preferenceBound(layers: number): string {
  const s = STUDY;
  if (layers !== s.probeLayers) return '';
  const accuracies = s.probeByLayer.map((l) => l.accuracy);
  return `Why no better: the backbone does carry the preference. A linear Bradley-Terry probe on the same feature, fitted on the
gate's ${s.trainPairs} training pairs, ranks the ${s.heldOutPairs} held-out pairs at ${percent(s.probeHeldOut)} ${error(s.probeHeldOut, s.heldOutPairs)} (${percent(Math.min(...accuracies))} to ${percent(Math.max(...accuracies))} after
${s.probeByLayer[0].layers} to ${s.probeByLayer.at(-1)!.layers} layers, cross-validated on the training pairs). The two attributes hardly do: in ${percent(s.sameContext)} of the pairs both
responses have the same context, so that the gate can only mix two differences, and on the training pairs the best
constant mixture has ${percent(s.constantMixture)}, weights of any sign that depend on the prompt ${percent(s.signedGate)} (cross-validated, the best of
eight regularisations). Another regularisation, chosen on the training pairs among 64 of the heads and 39 of the gate, with ${percent(s.rejected.training)}
there, had ${percent(s.rejected.heldOut)} ${error(s.rejected.heldOut, s.heldOutPairs)} on the held-out ones and was not adopted.

`;
}
