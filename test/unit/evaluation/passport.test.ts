import { describe, expect, it } from 'vitest';
import {
  intervalOffset,
  lowerOffset,
  upperOffset,
} from '../../../server/src/evaluation/passport/conformal.js';
import {
  ASSUMPTIONS,
  badBelow,
  calibrate,
  passportWords,
  type CalibrationSample,
} from '../../../server/src/evaluation/passport/passport.js';
import { seeded } from '../../../server/src/evaluation/statistics/index.js';

/** Standard normal, by Box and Muller. */
const normals = (random: () => number) => () =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

describe('split conformal', () => {
  it('covers as often as it says, in simulation, whatever the model predicts', () => {
    const normal = normals(seeded(7));
    // A model that is wrong in place and in width: the guarantee does not hang on it.
    const predicted = (x: number): number => 0.3 * x - 0.5;
    for (const [n, tau] of [
      [30, 0.9],
      [200, 0.05],
      [200, 0.5],
      [200, 0.95],
    ] as const) {
      // prettier-ignore
      let [below, above, all] = [0, 0, 0];
      for (let run = 0; run < 600; run++) {
        const draw = () => {
          const x = normal();
          return { x, y: x + (1 + Math.abs(x)) * normal() };
        };
        const residuals = Array.from({ length: n }, draw).map(({ x, y }) => y - predicted(x));
        const [up, low] = [upperOffset(residuals, tau), lowerOffset(residuals, tau)];
        for (let test = 0; test < 10; test++) {
          const { x, y } = draw();
          all++;
          if (y <= predicted(x) + up) below++;
          if (y >= predicted(x) + low) above++;
        }
      }
      const slack = 0.02;
      expect(below / all).toBeGreaterThan(tau - slack);
      expect(below / all).toBeLessThan(tau + 1 / (n + 1) + slack);
      expect(above / all).toBeGreaterThan(1 - tau - slack);
    }
  });

  it('says that it cannot say, of too few', () => {
    expect(upperOffset([0, 1, 2], 0.95)).toBe(Infinity);
    expect(lowerOffset([0, 1, 2], 0.05)).toBe(-Infinity);
    // 19 are enough for 0.95: the greatest.
    expect(upperOffset(Array.from({ length: 19 }, (_, i) => i), 0.95)).toBe(18); // prettier-ignore
  });

  it('widens an interval that is too narrow, and narrows one that is too wide', () => {
    const labels = Array.from({ length: 99 }, (_, i) => i / 98);
    const same = (x: number) => labels.map(() => x);
    expect(intervalOffset(labels, same(0.4), same(0.6), 0.9)).toBeGreaterThan(0.3);
    expect(intervalOffset(labels, same(-1), same(2), 0.9)).toBeLessThan(0);
  });
});

describe('the passport', () => {
  const levels = [0.05, 0.5, 0.95];
  const samples = (n: number, perPrompt = 1): CalibrationSample[] => {
    const random = seeded(2);
    return Array.from({ length: n }, (_, i) => {
      const label = random();
      const quantiles = [label - 0.05, label, label + 0.05];
      return { prompt: String(Math.floor(i / perPrompt)), label, quantiles, tail: label - 0.05 };
    });
  };
  const names = { dataset: 'mine.jsonl', attribute: 'quality', predictedBy: 'head' } as const;

  it('takes one response a prompt, and refuses too few', () => {
    expect(calibrate(names, samples(200, 4), levels).prompts).toBe(50);
    expect(() => calibrate(names, samples(60, 4), levels)).toThrow(
      /15 labelled prompts; expected 20/,
    );
  });

  it('says of a threshold what share of labels below it were bad, with the assumptions', () => {
    const entry = calibrate(names, samples(400), levels);
    const { below, bad, low, high } = badBelow(entry, 0.2);
    expect(bad).toBe(below);
    expect(low).toBeGreaterThan(0.9);
    expect(high).toBe(1);
    expect(badBelow(entry, -9)).toMatchObject({ below: 0, low: 0, high: 1 });
    const passport = { version: 1, modelHash: 'h', modelName: 'm', tau: 0.05, made: '', assumptions: ASSUMPTIONS, entries: [entry] } as const; // prettier-ignore
    const [said, assumptions] = passportWords(passport, 0.2);
    expect(said).toMatch(
      /of responses below the threshold 0\.200, 9\d to 100 % were bad in your labels/,
    );
    expect(assumptions).toContain('drawn as the labelled ones were');
  });

  it('checks its own interval on labels that it was not made from', () => {
    const random = seeded(4);
    const narrow = samples(800).map((s) => ({ ...s, label: s.label + (random() - 0.5) }));
    const { raw, calibrated } = calibrate(names, narrow, levels).checked;
    expect(raw).toBeLessThan(0.2);
    expect(Math.abs(calibrated - 0.9)).toBeLessThan(0.05);
  });
});
