import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TextCache } from '../../../../server/src/model/tokenizer/text-cache.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

describe('TextCache', () => {
  it('gives what was added or nothing, and never holds more than its limit', () => {
    const text = fc.string({ maxLength: 6, unit: fc.constantFrom('a', 'é', '語', '\ud800', 'b') });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), text)), fc.nat(200), (steps, limit) => {
        const cache = new TextCache<string>(limit, (t) => t.length + 1);
        const held = new Set<string>();
        for (const [adds, t] of steps) {
          const found = cache.get(t);
          if (found !== undefined) expect(found).toBe(`of ${t}`);
          else if (adds) cache.add(t, `of ${t}`);
          held.add(t);
          const costs = [...held].filter((x) => cache.get(x) !== undefined);
          expect(costs.reduce((sum, x) => sum + x.length + 1, 0)).toBeLessThanOrEqual(limit);
        }
      }),
    );
  });

  it('keeps what is asked for again and again, whatever comes once', () => {
    const cache = new TextCache<number>(100, () => 1);
    cache.add('the system prompt', 0);
    for (let n = 1; n < 1000; n++) {
      cache.add(`typed ${n}`, n);
      expect(cache.get('the system prompt')).toBe(0);
    }
    expect(cache.get('typed 1')).toBeUndefined();
    expect(cache.size).toBeLessThanOrEqual(100);
  });

  it('holds a section, not the text that it was cut from', () => {
    const cache = new TextCache<number>(1_000_000, (t) => t.length);
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 300; n++) {
      const whole = `${n} `.repeat(100_000);
      cache.add(whole.slice(1000, 1040), n);
    }
    expect(cache.size).toBeGreaterThan(0);
    // All of the texts: 60 MB at least.
    collect();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(10e6);
  });
});
