import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { applyHeads } from '../../../server/src/model/heads/heads-math.js';
import { AdamW, cosine } from '../../../server/src/training/gating/adamw.js';
import { bradleyTerry } from '../../../server/src/training/gating/gate.js';
import { GatingNetwork } from '../../../server/src/training/gating/gating-network.js';
import { matrix } from '../../../server/src/training/matrix/matrix.js';

interface References {
  adamw: { start: number[]; gradients: number[][]; after: number[][] };
  cosine: number[];
  gate: {
    sizes: number[];
    temperature: number;
    beta: number;
    parameters: number[][];
    features: number[][];
    rewards: number[][];
    weights: number[][];
    loss: number;
    gradients: number[][];
    runningMean: number[][];
    runningVariance: number[][];
    evaluated: number[][];
  };
}

// Made by reference/make.py with torch in float64.
const references = JSON.parse(
  readFileSync(new URL('reference/torch.json', import.meta.url), 'utf8'),
) as References;

function expectClose(found: ArrayLike<number>, expected: readonly number[], within: number): void {
  expect(found.length).toBe(expected.length);
  expected.forEach((x, i) => expect(Math.abs(found[i]! - x)).toBeLessThan(within));
}

describe('AdamW', () => {
  it("takes torch's steps", () => {
    const { start, gradients, after } = references.adamw;
    const p = Float64Array.from(start);
    const optimizer = new AdamW([p], { learningRate: 0.01, weightDecay: 0.1 });
    gradients.forEach((g, i) => {
      optimizer.step([Float64Array.from(g)]);
      expectClose(p, after[i]!, 1e-12);
    });
  });

  it('takes a first step of the learning rate against the gradient, after the decay', () => {
    const p = Float64Array.of(2, 2);
    new AdamW([p], { learningRate: 0.1, weightDecay: 0.5 }).step([Float64Array.of(3, -1e-3)], 0.5);
    // m/(sqrt(v)) = sign(g) at the first step; the rate is 0.1 * 0.5 and the decay 2 * 0.05 * 0.5.
    expect(p[0]).toBeCloseTo(2 - 0.05 - 0.05, 8);
    expect(p[1]).toBeCloseTo(2 - 0.05 + 0.05, 5);
  });

  it("follows torch's cosine schedule", () => {
    expectClose(
      references.cosine.map((_, step) => cosine(step, 10)),
      references.cosine,
      1e-12,
    );
  });
});

describe('the gate', () => {
  const { gate } = references;
  const wide = (rows: number[][]): ReturnType<typeof matrix> =>
    matrix(rows.length, rows[0]!.length, rows.flat());

  function network(): GatingNetwork {
    const net = new GatingNetwork(gate.sizes, gate.temperature, () => 0.5);
    net.parameters.forEach((p, i) => p.set(gate.parameters[i]!));
    return net;
  }

  it("has torch's weights, Bradley-Terry loss and gradients", () => {
    const net = network();
    const weights = net.forward(wide(gate.features));
    expectClose(weights.data, gate.weights.flat(), 1e-12);
    const { loss, gradient } = bradleyTerry(weights, wide(gate.rewards), gate.beta);
    expect(loss).toBeCloseTo(gate.loss, 12);
    net.backward(gradient);
    net.gradients.forEach((g, i) => expectClose(g, gate.gradients[i]!, 1e-12));
  });

  it("freezes to heads that give torch's weights in evaluation mode", () => {
    const net = network();
    net.forward(wide(gate.features));
    const gating = net.frozen();
    gating
      .flatMap((layer) => layer.batchNorm ?? [])
      .forEach((norm, i) => {
        expectClose(norm.mean, gate.runningMean[i]!, 1e-7);
        expectClose(norm.variance, gate.runningVariance[i]!, 1e-7);
      });
    const features = gate.features.flat();
    const { gate: evaluated } = applyHeads(
      {
        spec: { attributes: ['a', 'b'], levels: [0.5] },
        hiddenSize: 4,
        regression: new Float32Array(8),
        gating,
        temperature: gate.temperature,
        logitScale: Float32Array.of(1),
      },
      features,
      features,
    );
    expectClose(evaluated, gate.evaluated.flat(), 1e-6);
  });

  it('has gradients that finite differences confirm', () => {
    const features = wide(gate.features);
    const rewards = wide(gate.rewards);
    const net = network();
    const loss = (): number => bradleyTerry(net.forward(features), rewards, gate.beta).loss;
    net.backward(bradleyTerry(net.forward(features), rewards, gate.beta).gradient);
    const gradients = net.gradients.map((g) => g.slice());
    const step = 1e-6;
    net.parameters.forEach((p, n) => {
      for (let i = 0; i < p.length; i++) {
        const at = p[i]!;
        p[i] = at + step;
        const up = loss();
        p[i] = at - step;
        const down = loss();
        p[i] = at;
        expect((up - down) / (2 * step)).toBeCloseTo(gradients[n]![i]!, 6);
      }
    });
  });
});
