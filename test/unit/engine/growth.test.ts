import { describe, expect, it } from 'vitest';
import { Growth } from '../../../server/src/engine/growth.js';

const MB = 1e6;

function watched(spare?: number) {
  const state = { held: 300 * MB, now: 0 };
  const growth = new Growth(
    spare,
    () => state.held,
    () => state.now,
  );
  expect(growth.excessive(true)).toBe(false);
  return { state, growth };
}

describe('the memory of an evaluator', () => {
  it('may grow by 400 MB, or by half of what it needs, while idle', () => {
    const small = watched();
    small.state.held = 700 * MB;
    expect(small.growth.excessive(true)).toBe(false);
    small.state.held = 701 * MB;
    expect(small.growth.excessive(true)).toBe(true);

    const large = { held: 8000 * MB };
    const growth = new Growth(undefined, () => large.held);
    expect(growth.excessive(true)).toBe(false);
    large.held = 11_900 * MB;
    expect(growth.excessive(true)).toBe(false);
    large.held = 12_100 * MB;
    expect(growth.excessive(true)).toBe(true);
  });

  it('is told once', () => {
    const { state, growth } = watched(MB);
    state.held = 400 * MB;
    expect(growth.excessive(true)).toBe(true);
    expect(growth.excessive(true)).toBe(false);
  });

  it('may be far more under way, and for the first ten minutes of a run whatever it is', () => {
    const { state, growth } = watched();
    state.held = 2000 * MB;
    state.now = 599_000;
    expect(growth.excessive(false)).toBe(false);
    state.now = 601_000;
    expect(growth.excessive(false)).toBe(true);
    const other = watched();
    other.state.now = 601_000;
    other.state.held = 1300 * MB;
    expect(other.growth.excessive(false)).toBe(false);
  });
});
