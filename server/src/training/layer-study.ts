/**
 * Why the default is cut where it is: held-out pinball loss relative to constant quantiles, with the
 * default's options, on features of Hugging Face's copy of the backbone in PyTorch's bfloat16 (all layers
 * in one pass), five folds that are not the card's. `build:model --layers` measures the same with the engine.
 */
export const LAYER_STUDY: readonly {
  readonly layers: number;
  /** prometheus-score, xstest-appropriate. */
  readonly ratios: readonly [number, number];
}[] = [
  { layers: 8, ratios: [0.9055, 0.9737] },
  { layers: 12, ratios: [0.8947, 0.9815] },
  { layers: 14, ratios: [0.8994, 0.974] },
  { layers: 16, ratios: [0.9024, 0.9639] },
  { layers: 18, ratios: [0.8943, 0.9655] },
  { layers: 20, ratios: [0.9118, 0.9581] },
  { layers: 24, ratios: [0.9198, 0.9685] },
  { layers: 30, ratios: [0.9332, 0.991] },
];
