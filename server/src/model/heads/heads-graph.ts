import { GraphBuilder } from '../graph/builder.js';
import { adjustedRegression, foldGating } from './heads-math.js';
import type { QrmHeads } from './heads.js';

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

  const regression = g.tensor(
    'regression',
    [rows, H],
    Float32Array.from(adjustedRegression(heads)),
  );
  const inputs = [reward, regression];
  if (heads.bias) inputs.push(g.tensor('regression_bias', [rows], heads.bias));
  g.output(g.op('Gemm', inputs, { transB: 1 }), 'quantiles', 'float32', ['n', rows]);
  g.output(gate(g, heads, gating), 'gate', 'float32', ['n', M]);
  return g.serialize('heads');
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
    const scale = last ? 1 / heads.temperature : 1;
    const w = g.tensor(`gating.${l}.weight`, [outputs, inputs], scaled(weight, scale));
    const b = g.tensor(`gating.${l}.bias`, [outputs], scaled(bias, scale));
    x = g.op('Gemm', [x, w, b], { transB: 1 });
    if (!last) x = g.op('Relu', [x]);
  }
  const weights = g.op('Softmax', [x], { axis: -1 });
  const logitScale = g.tensor('logit_scale', [heads.logitScale.length], heads.logitScale);
  return g.op('Mul', [weights, logitScale]);
}

function scaled(values: Float64Array, factor: number): Float32Array {
  return Float32Array.from(values, (v) => v * factor);
}
