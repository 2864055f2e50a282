import { GraphBuilder } from '../graph/builder.js';
import { adjustedRegression, foldGating } from './heads-math.js';
import { LEAKY_SLOPE } from './categorical-heads.js';
import type { Categorical, QrmHeads } from './heads.js';

/**
 * The heads as one ONNX graph: two small chains of matrix products, float32.
 * Inputs: `reward` [n, hiddenSize], `gating` [n, hiddenSize], rows belonging together.
 * Outputs: `quantiles` [n, M*K], the attribute quantiles after the verbosity adjustment T (multiplied
 * into the regression's weights here, in float64), and `gate` [n, M].
 */
export function buildHeads(heads: QrmHeads): Uint8Array {
  const g = new GraphBuilder();
  const { hiddenSize: H, spec } = heads;
  const M = spec.attributes.length;
  const rows = M * spec.levels.length;
  const reward = g.input('reward', 'float32', ['n', H]);
  const gating = g.input('gating', 'float32', ['n', H]);

  const quantiles = heads.categorical
    ? ofBins(g, heads, heads.categorical, reward)
    : linear(g, heads, reward);
  g.output(quantiles, 'quantiles', 'float32', ['n', rows]);
  g.output(gate(g, heads, gating), 'gate', 'float32', ['n', M]);
  return g.serialize('heads');
}

function linear(g: GraphBuilder, heads: QrmHeads, reward: string): string {
  const rows = heads.spec.attributes.length * heads.spec.levels.length;
  const weights = Float32Array.from(adjustedRegression(heads));
  const inputs = [reward, g.tensor('regression', [rows, heads.hiddenSize], weights)];
  if (heads.bias) inputs.push(g.tensor('regression_bias', [rows], heads.bias));
  return g.op('Gemm', inputs, { transB: 1 });
}

/** Probabilities of bins, and from their running sums the quantiles: `binQuantiles` of heads-math.ts. */
function ofBins(
  g: GraphBuilder,
  { spec }: QrmHeads,
  { bins, layers }: Categorical,
  reward: string,
): string {
  const M = spec.attributes.length;
  const K = spec.levels.length;
  let x = reward;
  for (const [l, { inputs, outputs, weight, bias }] of layers.entries()) {
    const w = g.tensor(`regression.${l}.weight`, [outputs, inputs], weight);
    const b = g.tensor(`regression.${l}.bias`, [outputs], bias ?? new Float32Array(outputs));
    x = g.op('Gemm', [x, w, b], { transB: 1 });
    if (l < layers.length - 1) x = g.op('LeakyRelu', [x], { alpha: { float: LEAKY_SLOPE } });
  }
  const shares = g.op('Softmax', [g.op('Reshape', [x, g.ints(-1, M, bins)])], { axis: -1 });
  const sums = Float32Array.from({ length: bins * (bins - 1) }, (_, i) =>
    Math.floor(i / (bins - 1)) <= i % (bins - 1) ? K : 0,
  );
  const running = g.op('MatMul', [shares, g.tensor('running', [bins, bins - 1], sums)]);
  const parts = g.tensor(
    'parts',
    [K],
    Float32Array.from({ length: K }, (_, k) => k),
  );
  const past = g.op('Clip', [
    g.op('Sub', [g.op('Unsqueeze', [running, g.ints(-1)]), parts]),
    g.scalar(0),
    g.scalar(1),
  ]);
  const mean = g.op('ReduceMean', [past, g.ints(2)], { keepdims: 0 });
  return g.op('Reshape', [g.op('Sub', [g.scalar(1), mean]), g.ints(-1, M * K)]);
}

function gate(g: GraphBuilder, heads: QrmHeads, features: string): string {
  const M = heads.spec.attributes.length;
  if (heads.attributeWeights) {
    const n = g.op('Shape', [features], { start: 0, end: 1 });
    const fixed = g.tensor('attribute_weights', [1, M], heads.attributeWeights);
    return g.op('Expand', [fixed, g.op('Concat', [n, g.ints(M)], { axis: 0 })]);
  }
  const layers = foldGating(heads.gating);
  let x = features;
  for (const [l, { inputs, outputs, weight, bias }] of layers.entries()) {
    const last = l === layers.length - 1;
    // The temperature divides the last layer instead of the logits.
    const divided = last && heads.categorical?.softmax !== false;
    const scale = divided ? 1 / heads.temperature : 1;
    const w = g.tensor(`gating.${l}.weight`, [outputs, inputs], scaled(weight, scale));
    const b = g.tensor(`gating.${l}.bias`, [outputs], scaled(bias, scale));
    x = g.op('Gemm', [x, w, b], { transB: 1 });
    if (last) break;
    x = heads.categorical
      ? g.op('LeakyRelu', [x], { alpha: { float: LEAKY_SLOPE } })
      : g.op('Relu', [x]);
  }
  if (heads.categorical?.softmax === false) return x;
  const weights = g.op('Softmax', [x], { axis: -1 });
  const logitScale = g.tensor('logit_scale', [heads.logitScale.length], heads.logitScale);
  return g.op('Mul', [weights, logitScale]);
}

function scaled(values: Float64Array, factor: number): Float32Array {
  return Float32Array.from(values, (v) => v * factor);
}
