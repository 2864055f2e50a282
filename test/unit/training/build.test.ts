import { describe, expect, it } from 'vitest';
import { modelCard } from '../../../server/src/training/card.js';
import { matrix } from '../../../server/src/training/matrix.js';
import { chooseLayer, type TrainedLayer } from '../../../server/src/training/measure.js';
import { comparePrecisions } from '../../../server/src/training/precision.js';
import { smoothLevels } from '../../../server/src/training/smoothing.js';

function trained(layers: number, pinball: number): TrainedLayer {
  return {
    layers,
    heads: [],
    gate: {
      layers: [],
      heldOut: [1],
      figures: {
        pairs: 4,
        trainPairs: 3,
        heldOutPairs: 1,
        heldOut: 1,
        crossFitted: 0.75,
        equalWeights: 0.5,
        attributes: [0.25],
      },
    },
    attributes: [
      {
        name: 'helpful',
        responses: 10,
        labels: 30,
        prompts: 5,
        pinball,
        baseline: 0.1,
        coverage: [0.234, 0.789],
        quantileMiss: 0.041,
        baselineCoverage: [0.2, 0.8],
        crossings: 0.125,
        rankCorrelation: 0.5,
      },
    ],
    interceptError: 0.01,
  };
}

describe('the choice of the layer', () => {
  it('takes the lowest held-out loss', () => {
    const measured = [trained(10, 0.095), trained(20, 0.09), trained(30, 0.093)];
    expect(chooseLayer(measured).layers).toBe(20);
  });

  it('takes the fewest layers among equals', () => {
    const measured = [trained(30, 0.09), trained(20, 0.0903), trained(10, 0.095)];
    expect(chooseLayer(measured).layers).toBe(20);
  });
});

describe('smoothing over levels', () => {
  const levels = Array.from({ length: 19 }, (_, k) => k);

  it('leaves straight lines as they are, at the edges too', () => {
    const lines = matrix(2, 19, [...levels.map((k) => 3 - 0.5 * k), ...levels.map(() => 7)]);
    smoothLevels(lines, 1).data.forEach((x, i) => expect(x).toBeCloseTo(lines.data[i]!, 10));
  });

  it('damps what alternates from level to level', () => {
    const noise = matrix(
      1,
      19,
      levels.map((k) => (-1) ** k),
    );
    const most = Math.max(...smoothLevels(noise, 1).data.slice(2, -2).map(Math.abs));
    expect(most).toBeLessThan(0.1);
  });

  it('does nothing at bandwidth 0', () => {
    const any = matrix(1, 3, [5, 1, 4]);
    expect([...smoothLevels(any, 0).data]).toEqual([5, 1, 4]);
  });
});

describe('the comparison of precisions', () => {
  it('counts differences, kept orders and held-out pairs', () => {
    // Pairs: (0.8, 0.2) kept, (0.4, 0.5) turned round.
    const figures = comparePrecisions([0.8, 0.2, 0.4, 0.5], [0.7, 0.2, 0.6, 0.5], [1]);
    expect(figures.responses).toBe(4);
    expect(figures.meanDifference).toBeCloseTo(0.075, 12);
    expect(figures.largestDifference).toBeCloseTo(0.2, 12);
    expect(figures.sameOrder).toBe(0.5);
    expect(figures.heldOutFloat32).toBe(0);
    expect(figures.heldOutInt8).toBe(1);
  });
});

describe('the model card', () => {
  const measured = [trained(10, 0.095), trained(20, 0.09)];
  const input = {
    chosen: measured[1]!,
    measured,
    totalLayers: 30,
    precision: comparePrecisions([0.8, 0.2], [0.7, 0.2], [0]),
    heads: { levels: [0.25, 0.75], l1: 0.003, featureScale: 0.3, bandwidth: 1 },
    headFolds: 5,
    gateFolds: 4,
    gateShape: '1 hidden layer of 8',
    temperature: 1,
  };
  const card = modelCard(input);

  it('states the figures it is given, beside their baseline', () => {
    expect(card).toContain('| helpful | 5 | 10 | 30 | 0.0900 | 0.1000 | 0.900 | 0.500 | 12.5 % |');
    expect(card).toContain('| 0.25 | 0.234 | 0.200 |');
    expect(card).toContain('0.041 (helpful)');
    expect(card).toContain('| helpful alone | 4 | 25.0 % ± 21.7 % |');
    expect(card).toContain('| **20** | 0.900 | 0.900 | 75.0 % |');
  });

  it('gives the study of preferences for the layer that was studied alone', () => {
    expect(card).not.toContain('Bradley-Terry probe');
    const studied = trained(16, 0.09);
    const other = modelCard({ ...input, chosen: studied, measured: [studied] });
    expect(other).toContain('65.1 % ± 2.8 %');
    expect(other).toContain('| **16** |');
  });

  it('says what the model is for and names every licence', () => {
    expect(card).toContain('a small model for trying things out');
    for (const licence of ['Apache-2.0', 'CC BY 4.0', 'MIT']) expect(card).toContain(licence);
  });
});
