import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditDataset } from '../../../../../server/src/audit/index.js';
import { pairLine, SETTINGS, sourceOf, TextEvaluator } from '../../helpers.js';

/** Rows with a finding of the code, for pairs of [prompt, chosen, rejected]. */
async function rowsWith(code: string, pairs: readonly (readonly [string, string, string])[]) {
  const text = pairs.map((p) => pairLine(...p)).join('\n');
  const { audit, progress } = auditDataset([sourceOf(text)], {
    evaluator: new TextEvaluator(),
    ...SETTINGS,
  });
  for await (const step of progress) void step;
  return [...audit.findings()].flatMap((f) =>
    f.code === code && 'response' in f ? [audit.table.row.get(f.response)] : [],
  );
}

describe('contradictory-pair', () => {
  it('the same two responses with opposite labels, both rows of them', async () => {
    const pairs = [['Q', 'a', 'b'], ['R', 'a', 'b'], ['Q', 'b', 'a'], ['Q', 'a', 'c'], ['Q', 'a', 'b']] as const; // prettier-ignore
    expect(await rowsWith('contradictory-pair', pairs)).toEqual([0, 2, 4]);
    expect(await rowsWith('preference-cycle', pairs)).toEqual([]);
  });
});

describe('preference-cycle', () => {
  it('circles of three, of any pair that is a part of one', async () => {
    const pairs = [['Q', 'a', 'b'], ['Q', 'b', 'c'], ['Q', 'c', 'a'], ['Q', 'c', 'd'], ['R', 'c', 'a'], ['Q', 'x', 'a']] as const; // prettier-ignore
    expect(await rowsWith('preference-cycle', pairs)).toEqual([0, 1, 2]);
  });

  it('agrees with reachability on random graphs', async () => {
    const edge = fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 6 }));
    await fc.assert(
      fc.asyncProperty(fc.array(edge, { minLength: 1, maxLength: 14 }), async (edges) => {
        const reach = Array.from({ length: 7 }, () => new Array<boolean>(7).fill(false));
        for (const [a, b] of edges) if (a !== b) reach[a]![b] = true;
        for (let k = 0; k < 7; k++)
          for (let a = 0; a < 7; a++)
            for (let b = 0; b < 7; b++) if (reach[a]![k] && reach[k]![b]) reach[a]![b] = true;
        const together = (a: number, b: number) => a === b || (reach[a]![b] && reach[b]![a]);
        const size = (a: number) =>
          Array.from({ length: 7 }, (_, b) => together(a, b)).filter(Boolean).length;
        const expected = edges.flatMap(([a, b], n) =>
          a !== b && together(a, b) && size(a) > 2 ? [n] : [],
        );
        const pairs = edges.map(([a, b]) => ['Q', `r${a}`, `r${b}`] as [string, string, string]);
        expect(await rowsWith('preference-cycle', pairs)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });
});
