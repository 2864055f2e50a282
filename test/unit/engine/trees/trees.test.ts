import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planTrees, type PlannedTree } from '../../../../server/src/engine/trees/trees.js';

/** The ids of the path up to a wanted position, as the tree says. */
function pathTo(planned: PlannedTree, n: number): number[] {
  const { trunk, branches, wanted } = planned.tree;
  const { branch, index } = wanted[n]!;
  const all = branch < 0 ? trunk : [...trunk, ...branches[branch]!];
  return all.slice(0, index + 1);
}

const ids = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 60 });

describe('trees of paths', () => {
  it('keep every wanted position with exactly its own beginning', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(ids, fc.nat()), { minLength: 1, maxLength: 5 }),
        fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 40 }),
        (parts, common) => {
          const paths = parts.map(([own, at]) => {
            const all = [...common, ...own];
            return { ids: all, wanted: [all.length - 1, at % all.length] };
          });
          const seen = paths.map(() => [false, false]);
          for (const planned of planTrees(paths)) {
            planned.sources.forEach(({ path, position }, n) => {
              seen[path]![position] = true;
              const end = paths[path]!.wanted[position]! + 1;
              expect(pathTo(planned, n)).toEqual(paths[path]!.ids.slice(0, end));
            });
          }
          expect(seen.flat().every(Boolean)).toBe(true);
        },
      ),
    );
  });

  it('run the turns of a transcript once, and a shared prompt once', () => {
    const prompt = Array.from({ length: 40 }, (_, i) => i);
    const turns = [30, 60, 90].map((n) => Array.from({ length: n }, (_, i) => i));
    const transcript = planTrees(turns.map((t) => ({ ids: t, wanted: [t.length - 1] })));
    expect(transcript.map((t) => t.tokens)).toEqual([90]);
    const pair = planTrees([
      { ids: [...prompt, 100, 101], wanted: [41] },
      { ids: [...prompt, 200, 201, 202], wanted: [42] },
    ]);
    expect(pair.map((t) => t.tokens)).toEqual([45]);
  });
});
