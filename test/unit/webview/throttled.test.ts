import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { throttled } from '../../../webview/src/ui/dom.js';

/** What draws have taken: no timer fires meanwhile. */
let held = 0;
beforeEach(() => {
  held = 0;
  vi.useFakeTimers({ now: 0 });
  vi.spyOn(performance, 'now').mockImplementation(() => Date.now() + held);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** When draws began that take so many milliseconds each. Every 10 ms there is something new to draw. */
function drawn(costs: readonly number[], until: number): number[] {
  const begun: number[] = [];
  const draw = throttled(() => {
    begun.push(performance.now());
    held += costs[begun.length - 1] ?? 0;
  }, 100);
  const again = setInterval(draw, 10);
  vi.advanceTimersByTime(until);
  clearInterval(again);
  return begun;
}

describe('updates of a view', () => {
  it('come at once, then no more often than asked for', () => {
    const begun = drawn([], 1000);
    expect(begun[0]).toBeLessThan(20);
    for (const [n, at] of begun.entries())
      if (n > 0) expect(at - begun[n - 1]!).toBeGreaterThanOrEqual(100);
    expect(begun.length).toBeGreaterThan(8);
  });

  it('take a quarter of the time where each is slow', () => {
    const begun = drawn(Array<number>(100).fill(200), 8000);
    for (const [n, at] of begun.entries())
      if (n > 0) expect(at - begun[n - 1]!).toBeGreaterThanOrEqual(800);
    expect(begun.length).toBeGreaterThan(8);
  });

  it('go on after one that took long: it stops no more than a second and a half', () => {
    const [, slow, next] = drawn([0, 20_000, 0, 0], 30_000);
    const pause = next! - slow! - 20_000;
    expect(pause).toBeGreaterThanOrEqual(100);
    expect(pause).toBeLessThanOrEqual(1600);
  });
});
