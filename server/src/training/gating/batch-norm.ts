import { BATCH_NORM_EPS, type BatchNorm } from '../../model/heads/heads.js';
import { matrix, type Matrix } from '../matrix/matrix.js';

/** torch's default share of a new batch in the running statistics. */
const MOMENTUM = 0.1;

/** BatchNorm1d over [batch, channels], as torch.nn.BatchNorm1d trains it. */
export class BatchNormLayer {
  readonly weight: Float64Array;
  readonly bias: Float64Array;
  readonly weightGradient: Float64Array;
  readonly biasGradient: Float64Array;
  private readonly runningMean: Float64Array;
  private readonly runningVariance: Float64Array;
  private normalised: Matrix = matrix(0, 0);
  private readonly deviation: Float64Array;

  constructor(private readonly channels: number) {
    this.weight = new Float64Array(channels).fill(1);
    this.bias = new Float64Array(channels);
    this.weightGradient = new Float64Array(channels);
    this.biasGradient = new Float64Array(channels);
    this.runningMean = new Float64Array(channels);
    this.runningVariance = new Float64Array(channels).fill(1);
    this.deviation = new Float64Array(channels);
  }

  /**
   * Normalises by the batch's own (biased) variance; the running variance takes the unbiased one.
   * @throws RangeError for a batch of one, whose variance is nothing
   */
  forward(x: Matrix): Matrix {
    const { rows: n, columns: C } = x;
    if (n < 2) throw new RangeError('BatchNorm trains on batches of two rows or more');
    this.normalised = matrix(n, C);
    const out = matrix(n, C);
    for (let c = 0; c < C; c++) {
      let mean = 0;
      for (let i = c; i < x.data.length; i += C) mean += x.data[i]! / n;
      let variance = 0;
      for (let i = c; i < x.data.length; i += C) variance += (x.data[i]! - mean) ** 2 / n;
      const deviation = Math.sqrt(variance + BATCH_NORM_EPS);
      this.deviation[c] = deviation;
      this.runningMean[c]! += MOMENTUM * (mean - this.runningMean[c]!);
      this.runningVariance[c]! += MOMENTUM * ((variance * n) / (n - 1) - this.runningVariance[c]!);
      for (let i = c; i < x.data.length; i += C) {
        const unit = (x.data[i]! - mean) / deviation;
        this.normalised.data[i] = unit;
        out.data[i] = unit * this.weight[c]! + this.bias[c]!;
      }
    }
    return out;
  }

  /** The gradient by the input of the last `forward`; those of weight and bias are left in their fields. */
  backward(gradient: Matrix): Matrix {
    const { rows: n, columns: C } = gradient;
    const out = matrix(n, C);
    for (let c = 0; c < C; c++) {
      let sum = 0;
      let along = 0;
      for (let i = c; i < gradient.data.length; i += C) {
        sum += gradient.data[i]!;
        along += gradient.data[i]! * this.normalised.data[i]!;
      }
      this.biasGradient[c] = sum;
      this.weightGradient[c] = along;
      const factor = this.weight[c]! / this.deviation[c]!;
      for (let i = c; i < gradient.data.length; i += C) {
        out.data[i] =
          factor * (gradient.data[i]! - sum / n - (this.normalised.data[i]! * along) / n);
      }
    }
    return out;
  }

  /** The layer as the heads store it, for evaluation. */
  frozen(): BatchNorm {
    return {
      weight: Float32Array.from(this.weight),
      bias: Float32Array.from(this.bias),
      mean: Float32Array.from(this.runningMean),
      variance: Float32Array.from(this.runningVariance),
    };
  }

  get parameters(): Float64Array[] {
    return [this.weight, this.bias];
  }

  get gradients(): Float64Array[] {
    return [this.weightGradient, this.biasGradient];
  }

  get size(): number {
    return this.channels;
  }
}
