export interface AdamWOptions {
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
}

/**
 * AdamW with bias correction, the decay decoupled from the gradient and applied first
 * (Loshchilov & Hutter 2019, algorithm 2), in the order and with the defaults of torch.optim.AdamW.
 */
export class AdamW {
  private readonly first: Float64Array[];
  private readonly second: Float64Array[];
  private steps = 0;

  /** @param parameters updated in place by `step` */
  constructor(
    private readonly parameters: readonly Float64Array[],
    private readonly options: AdamWOptions,
  ) {
    this.first = parameters.map((p) => new Float64Array(p.length));
    this.second = parameters.map((p) => new Float64Array(p.length));
  }

  /**
   * One step.
   * @param gradients of the parameters, in their order
   * @param scale factor of the learning rate, from the schedule
   */
  step(gradients: readonly Float64Array[], scale = 1): void {
    const { weightDecay, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = this.options;
    const rate = this.options.learningRate * scale;
    this.steps++;
    const correction1 = 1 - beta1 ** this.steps;
    const correction2 = Math.sqrt(1 - beta2 ** this.steps);
    this.parameters.forEach((p, n) => {
      const g = gradients[n]!;
      const m = this.first[n]!;
      const v = this.second[n]!;
      for (let i = 0; i < p.length; i++) {
        m[i] = beta1 * m[i]! + (1 - beta1) * g[i]!;
        v[i] = beta2 * v[i]! + (1 - beta2) * g[i]! * g[i]!;
        const step = m[i]! / correction1 / (Math.sqrt(v[i]!) / correction2 + epsilon);
        p[i] = p[i]! * (1 - rate * weightDecay) - rate * step;
      }
    });
  }
}

/** Cosine schedule from 1 at step 0 to 0 at step `total` (Loshchilov & Hutter 2017, without restarts). */
export function cosine(step: number, total: number): number {
  return 0.5 * (1 + Math.cos((Math.PI * Math.min(step, total)) / total));
}
