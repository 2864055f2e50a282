import type { GatingLayer } from '../../model/heads/heads.js';
import { BatchNormLayer } from './batch-norm.js';
import {
  matrix,
  multiply,
  multiplyByTransposed,
  multiplyTransposed,
  type Matrix,
} from '../matrix/matrix.js';

/**
 * The gate while it is trained: n hidden layers of Linear (no bias) -> ReLU -> BatchNorm1d, then
 * Linear (+bias) and softmax(logits / temperature), the layout of the published QRM (Dorka 2024, section 3.4).
 */
export class GatingNetwork {
  private readonly linears: { weight: Matrix; gradient: Float64Array }[] = [];
  private readonly norms: BatchNormLayer[] = [];
  private readonly bias: Float64Array;
  private readonly biasGradient: Float64Array;
  private inputs: Matrix[] = [];
  private weights: Matrix = matrix(0, 0);

  /**
   * @param sizes inputs, hidden channels..., attributes
   * @param random numbers in [0, 1) for the initial weights, uniform within 1/sqrt(inputs) as torch's Linear
   */
  constructor(
    private readonly sizes: readonly number[],
    private readonly temperature: number,
    random: () => number,
  ) {
    for (let l = 0; l + 1 < sizes.length; l++) {
      const bound = 1 / Math.sqrt(sizes[l]!);
      const weight = matrix(sizes[l + 1]!, sizes[l]!);
      for (let i = 0; i < weight.data.length; i++) weight.data[i] = (2 * random() - 1) * bound;
      this.linears.push({ weight, gradient: new Float64Array(weight.data.length) });
      if (l + 2 < sizes.length) this.norms.push(new BatchNormLayer(sizes[l + 1]!));
    }
    const bound = 1 / Math.sqrt(sizes.at(-2)!);
    this.bias = Float64Array.from({ length: sizes.at(-1)! }, () => (2 * random() - 1) * bound);
    this.biasGradient = new Float64Array(this.bias.length);
  }

  /** Gate weights [n, M] in training mode: the norms use the batch's statistics. */
  forward(features: Matrix): Matrix {
    this.inputs = [];
    let x = features;
    for (const [l, { weight }] of this.linears.entries()) {
      this.inputs.push(x);
      const y = multiplyByTransposed(x, weight);
      const norm = this.norms[l];
      if (norm) {
        for (let i = 0; i < y.data.length; i++) y.data[i] = Math.max(0, y.data[i]!);
        this.inputs.push(y);
        x = norm.forward(y);
      } else {
        x = y;
      }
    }
    const M = this.bias.length;
    this.weights = matrix(x.rows, M);
    for (let r = 0; r < x.rows; r++) {
      const logits = this.bias.map((b, m) => (x.data[r * M + m]! + b) / this.temperature);
      const peak = Math.max(...logits);
      const exp = logits.map((z) => Math.exp(z - peak));
      const sum = exp.reduce((a, b) => a + b, 0);
      for (let m = 0; m < M; m++) this.weights.data[r * M + m] = exp[m]! / sum;
    }
    return this.weights;
  }

  /** Leaves in `gradients` those of the loss whose gradient by the last gate weights is given, [n, M]. */
  backward(gradient: Matrix): void {
    const M = this.bias.length;
    let g = matrix(gradient.rows, M);
    this.biasGradient.fill(0);
    for (let r = 0; r < gradient.rows; r++) {
      let mean = 0;
      for (let m = 0; m < M; m++) mean += this.weights.data[r * M + m]! * gradient.data[r * M + m]!;
      for (let m = 0; m < M; m++) {
        const at = r * M + m;
        g.data[at] = (this.weights.data[at]! * (gradient.data[at]! - mean)) / this.temperature;
        this.biasGradient[m]! += g.data[at]!;
      }
    }
    for (let l = this.linears.length - 1; l >= 0; l--) {
      const { weight, gradient: into } = this.linears[l]!;
      into.set(multiplyTransposed(g, this.inputs[2 * l]!).data);
      if (l === 0) break;
      g = this.norms[l - 1]!.backward(multiply(g, weight));
      const relu = this.inputs[2 * l - 1]!;
      for (let i = 0; i < g.data.length; i++) if (relu.data[i] === 0) g.data[i] = 0;
    }
  }

  get parameters(): Float64Array[] {
    return [
      ...this.linears.map((l) => l.weight.data),
      ...this.norms.flatMap((n) => n.parameters),
      this.bias,
    ];
  }

  get gradients(): Float64Array[] {
    return [
      ...this.linears.map((l) => l.gradient),
      ...this.norms.flatMap((n) => n.gradients),
      this.biasGradient,
    ];
  }

  /** The layers as the heads store them, in evaluation mode. */
  frozen(): GatingLayer[] {
    return this.linears.map(({ weight }, l) => ({
      inputs: this.sizes[l]!,
      outputs: this.sizes[l + 1]!,
      weight: Float32Array.from(weight.data),
      bias: this.norms[l] ? undefined : Float32Array.from(this.bias),
      batchNorm: this.norms[l]?.frozen(),
    }));
  }
}
