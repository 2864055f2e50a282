import fc from 'fast-check';

/** Strictly ascending levels in (0, 1), evenly spaced or not, K from 1 to 19. */
export const levelsArbitrary = fc.oneof(
  fc
    .integer({ min: 1, max: 19 })
    .map((K) => Array.from({ length: K }, (_, k) => (k + 1) / (K + 1))),
  fc
    .uniqueArray(fc.integer({ min: 1, max: 999 }), { minLength: 1, maxLength: 19 })
    .map((parts) => parts.sort((a, b) => a - b).map((p) => p / 1000)),
);

/** Rewards as models give them: float32 of a moderate size, ties and crossings included. */
export const reward = fc.oneof(
  fc.float({ min: -8, max: 8, noNaN: true }),
  fc.integer({ min: -3, max: 3 }),
);
export const rewards = (K: number) => fc.array(reward, { minLength: K, maxLength: K });

/** Levels with so many raw quantiles. */
export const distribution = levelsArbitrary.chain((levels) =>
  fc.record({ levels: fc.constant(levels), raw: rewards(levels.length) }),
);
export const pair = levelsArbitrary.chain((levels) =>
  fc.record({
    levels: fc.constant(levels),
    a: rewards(levels.length),
    b: rewards(levels.length),
  }),
);

/** Sorted quantiles at least `gap` apart: no ties, a continuous distribution between its ends. */
export const apart = levelsArbitrary.chain((levels) =>
  fc
    .record({
      start: fc.integer({ min: -8, max: 8 }),
      gaps: fc.array(fc.float({ min: Math.fround(0.01), max: 2, noNaN: true }), {
        minLength: levels.length,
        maxLength: levels.length,
      }),
    })
    .map(({ start, gaps }) => {
      let x = start;
      return { levels, sorted: gaps.map((gap) => (x += gap)) };
    }),
);

export const level = fc.double({ min: 0, max: 1, noNaN: true });
