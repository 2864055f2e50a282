import { describe, expect, it } from 'vitest';
import { isMislabelled, jury } from '../../../server/src/cleaning/jury/model.js';
import { seeded } from '../../../server/src/evaluation/statistics/index.js';

/** Votes of judges of the given accuracies on pairs of which a share has a wrong label. */
function planted(accuracies: readonly number[], n: number, share: number, seed: number) {
  const random = seeded(seed);
  const wrong = Array.from({ length: n }, () => random() < share);
  const votes = accuracies.map((a) =>
    wrong.map((w) => {
      const right = random() < a;
      // Surer where it is right.
      const sure = (right ? 0.15 : 0) + random() * 0.35;
      return right === w ? 0.5 - sure : 0.5 + sure;
    }),
  );
  return { wrong, votes };
}

const figures = (flags: readonly boolean[], wrong: readonly boolean[]) => {
  const hits = flags.filter((f, i) => f && wrong[i]).length;
  return {
    precision: hits / Math.max(1, flags.filter(Boolean).length),
    recall: hits / wrong.filter(Boolean).length,
  };
};

describe('judges against labels', () => {
  const accuracies = [0.85, 0.8, 0.75, 0.7, 0.65];

  it.each([0.1, 0.2, 0.4])('finds planted flips (%f), the accuracies, and the share', (share) => {
    const { wrong, votes } = planted(accuracies, 2000, share, 7);
    const found = jury(votes);
    found.accuracies.forEach((a, j) => expect(Math.abs(a - accuracies[j]!)).toBeLessThan(0.05));
    expect(Math.abs(1 - found.labelAccuracy - share)).toBeLessThan(0.05);
    const all = figures(
      found.verdicts.map((v) => isMislabelled(v, 0)),
      wrong,
    );
    const one = figures(
      jury([votes[0]!]).verdicts.map((v) => isMislabelled(v, 0)),
      wrong,
    );
    const f1 = ({ precision, recall }: typeof all) => (2 * precision * recall) / (precision + recall || 1); // prettier-ignore
    expect(f1(all)).toBeGreaterThan(0.8);
    expect(f1(all)).toBeGreaterThan(f1(one));
    // A quorum asks for agreement: fewer, surer.
    const strict = figures(
      found.verdicts.map((v) => isMislabelled(v, 0.8)),
      wrong,
    );
    expect(strict.precision).toBeGreaterThanOrEqual(all.precision);
    expect(strict.recall).toBeLessThanOrEqual(all.recall);
  });

  it('P(wrong) is calibrated, and its interval holds it', () => {
    const { wrong, votes } = planted(accuracies, 4000, 0.2, 3);
    const { verdicts } = jury(votes);
    for (const v of verdicts) {
      expect(v.low).toBeLessThanOrEqual(v.mislabelled);
      expect(v.high).toBeGreaterThanOrEqual(v.mislabelled);
    }
    for (const [from, to] of [
      [0, 0.2],
      [0.2, 0.5],
      [0.5, 0.8],
      [0.8, 1],
    ] as const) {
      const inside = verdicts.flatMap((v, i) =>
        v.mislabelled >= from && v.mislabelled < to ? [i] : [],
      );
      if (inside.length < 100) continue;
      const expected = inside.reduce((s, i) => s + verdicts[i]!.mislabelled, 0) / inside.length;
      const share = inside.filter((i) => wrong[i]).length / inside.length;
      expect(Math.abs(expected - share)).toBeLessThan(0.1);
    }
  });

  it('copies of one judge are one witness', () => {
    const { votes } = planted([0.8], 1000, 0.2, 5);
    const found = jury([votes[0]!, votes[0]!, votes[0]!, votes[0]!]);
    expect(found.effective).toBeCloseTo(1, 1);
    const one = jury([votes[0]!]);
    found.verdicts.forEach((v, i) => expect(Math.abs(v.mislabelled - one.verdicts[i]!.mislabelled)).toBeLessThan(0.1)); // prettier-ignore
  });

  it('a judge without a vote is left out', () => {
    const { votes } = planted([0.8, 0.8, 0.8], 500, 0.2, 9);
    votes[1]!.fill(Number.NaN, 0, 250);
    const { verdicts } = jury(votes);
    expect(verdicts[0]!.judges).toBe(2);
    expect(verdicts[400]!.judges).toBe(3);
    expect(verdicts.every((v) => v.mislabelled >= 0 && v.mislabelled <= 1)).toBe(true);
  });
});
