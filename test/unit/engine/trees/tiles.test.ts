import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutTiles, groupTiles, type Tile } from '../../../../server/src/engine/trees/tiles.js';

const lengths = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 12 });
const cost = (groups: readonly (readonly Tile[])[]): number =>
  groups.reduce(
    (sum, g) =>
      sum +
      g.length * Math.max(0, ...g.map((t) => t.to - t.from)) * Math.max(0, ...g.map((t) => t.to)),
    0,
  );

describe('tiles', () => {
  it('cover every slot of every row once, in order', () => {
    fc.assert(
      fc.property(lengths, (rows) => {
        const seen = rows.map(() => 0);
        for (const { row, from, to } of cutTiles(rows)) {
          expect(from).toBe(seen[row]);
          expect(to).toBeGreaterThan(from);
          seen[row] = to;
        }
        expect(seen).toEqual(rows);
      }),
    );
  });

  it('are all grouped, at no more cost than one group or equal groups', () => {
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 5 }), (rows, groups) => {
        const tiles = cutTiles(rows);
        const found = groupTiles(tiles, groups);
        expect(found).toHaveLength(groups);
        expect(new Set(found.flat())).toEqual(new Set(tiles));
        const sorted = [...tiles].sort((a, b) => a.to - b.to);
        const equal = Array.from({ length: groups }, (_, g) =>
          sorted.slice((tiles.length * g) / groups, (tiles.length * (g + 1)) / groups),
        );
        expect(cost(found)).toBeLessThanOrEqual(cost([tiles]));
        expect(cost(found)).toBeLessThanOrEqual(cost(equal));
      }),
    );
  });
});
