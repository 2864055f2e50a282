import { describe, expect, it } from 'vitest';
import { FIGURES, figureMatrix, tilt } from '../../../server/src/policy/index.js';
import type { PolicySamples } from '../../../server/src/protocol/index.js';
import { PolicyModel } from '../../../webview/src/policy/model.js';
import { frontierPlot, klMarks, klPlot } from '../../../webview/src/policy/plots.js';
import { readPolicy, readState } from '../../../webview/src/state.js';
import { gaussianSamples, normal } from '../policy/gaussian.js';

function source(P: number, n: number): PolicySamples {
  const g = normal(4);
  const s = gaussianSamples(P, n, () => ({ mean: g(), spread: 0.3 + 0.5 * Math.abs(g()) }));
  return {
    uri: 'file:///a.jsonl',
    epoch: 1,
    revision: 1,
    levels: s.levels,
    offsets: s.offsets,
    responses: Uint32Array.from({ length: P * n }, (_, i) => i),
    quantiles: s.quantiles,
    expectation: Float32Array.from(s.expectation),
    tokens: s.tokens,
    rows: Uint32Array.from({ length: P }, (_, p) => p),
    more: 0,
  };
}

describe('the policy preview', () => {
  const model = new PolicyModel(source(60, 8));

  it('shows the estimates of the mathematics at the sliders’ place', () => {
    const { samples } = model;
    const own = tilt(samples, samples.expectation, 0.7, figureMatrix(samples, 0.2, 0));
    const mean = own.figures.filter((_, i) => i % FIGURES.length === 0);
    const [first, ce] = model.rows(0.7, 4);
    expect(first!.point.figures.mean).toBeCloseTo(mean.reduce((a, b) => a + b, 0) / 60, 12);
    expect(first!.differences).toBeUndefined();
    expect(ce!.name).toBe('ce(lambda=4)');
    const { value, low, high } = ce!.differences!.q05;
    expect(value).toBeCloseTo(ce!.point.figures.q05 - first!.point.figures.q05, 10);
    expect(low).toBeLessThanOrEqual(value);
    expect(high).toBeGreaterThanOrEqual(value);
  });

  it('draws curves that begin at the reference and pay KL for every step', () => {
    for (const objective of model.objectives(3)) {
      const path = model.curve(objective);
      expect(path[0]!.kl).toBe(0);
      expect(path[0]!.ess).toBeCloseTo(8, 10);
      for (let n = 1; n < path.length; n++) expect(path[n]!.kl).toBeGreaterThan(path[n - 1]!.kl);
    }
    const rows = model.rows(model.beta, model.lambda);
    for (const plot of [
      frontierPlot(model, rows, undefined),
      klPlot(model, rows, rows[1]!.objective),
    ]) {
      expect(plot.layers.filter((l) => l.name !== undefined)).toHaveLength(4);
      expect(plot.summary).toContain('ce(lambda=');
      for (const axis of [plot.x, plot.y]) expect(axis.max).toBeGreaterThan(axis.min);
    }
    const path = model.curve({ kind: 'mean' });
    for (const { kl, at } of klMarks(path)) {
      const n = path.findIndex((p) => p.kl >= kl);
      expect(at.mean).toBeGreaterThanOrEqual(path[n - 1]!.figures.mean);
      expect(at.mean).toBeLessThanOrEqual(path[n]!.figures.mean);
    }
  });

  it('lists the prompts whose best response changes, what costs most mean first', () => {
    const changes = model.changes({ kind: 'ce', lambda: 6 });
    expect(changes.length).toBeGreaterThan(3);
    let before = Infinity;
    for (const { row, byMean, byObjective } of changes) {
      const [from, to] = [model.source.offsets[row]!, model.source.offsets[row + 1]!];
      const means = model.samples.expectation.subarray(from, to);
      expect(model.samples.expectation[byMean]).toBe(Math.max(...means));
      expect(byObjective).toBeGreaterThanOrEqual(from);
      expect(byObjective).toBeLessThan(to);
      const cost = model.samples.expectation[byMean]! - model.samples.expectation[byObjective]!;
      expect(cost).toBeLessThanOrEqual(before);
      before = cost;
    }
    expect(model.changes({ kind: 'mean' })).toEqual([]);
  });

  it('has the mean alone for a model with one number a response', () => {
    const one = { ...source(4, 3), levels: [0.5] };
    const single = new PolicyModel({ ...one, quantiles: one.expectation });
    expect(single.rows(1, 1).map(({ name }) => name)).toEqual(['mean']);
  });
});

it('keeps its sliders, and reads nothing else', () => {
  expect(readPolicy({ beta: 0.1, lambda: 0 })).toEqual({ beta: 0.1, lambda: 0 });
  expect(readPolicy({ beta: -1, lambda: 'x' })).toEqual({ beta: undefined, lambda: undefined });
  expect(readState({ page: 'policy', uris: ['file:///a'] })).toMatchObject({ page: 'policy' });
  expect(readState({ page: 'other', uris: [] })).toBeUndefined();
});
