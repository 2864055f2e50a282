import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WorkQueue } from '../../../../server/src/engine/batches/queue.js';

const item = (group: number, tokens: number, priority = 0) => ({ group, tokens, priority });

describe('work queue', () => {
  it('gives every item once, higher priorities first, each batch within its budget', () => {
    const items = fc.array(
      fc.record({
        group: fc.nat(20),
        tokens: fc.integer({ min: 1, max: 900 }),
        priority: fc.integer({ min: 0, max: 2 }),
      }),
      { maxLength: 150 },
    );
    fc.assert(
      fc.property(items, (all) => {
        const queue = new WorkQueue<ReturnType<typeof item>>();
        for (const i of all) queue.add(i);
        const out: ReturnType<typeof item>[] = [];
        for (let batch = queue.take(512); batch.length > 0; batch = queue.take(512)) {
          const tokens = batch.reduce((n, i) => n + i.tokens, 0);
          if (batch.length > 1) expect(tokens).toBeLessThanOrEqual(512);
          out.push(...batch);
        }
        expect(new Set(out)).toEqual(new Set(all));
        expect(out).toHaveLength(all.length);
        const priorities = out.map((i) => i.priority);
        expect(priorities).toEqual([...priorities].sort((a, b) => b - a));
      }),
    );
  });

  it('begins with the item that has waited longest and leaves out what was cancelled', () => {
    const queue = new WorkQueue<ReturnType<typeof item>>();
    const first = item(1, 400);
    for (const i of [first, item(2, 20), item(3, 380), item(2, 30)]) queue.add(i);
    queue.remove(2);
    expect(queue.length).toBe(2);
    expect(queue.take(512)[0]).toBe(first);
    expect(queue.take(512).map((i) => i.group)).toEqual([3]);
    expect(queue.take(512)).toEqual([]);
  });
});
