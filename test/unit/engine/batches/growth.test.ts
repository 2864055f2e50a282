import { describe, expect, it } from 'vitest';
import { Growth } from '../../../../server/src/engine/batches/growth.js';

const MB = 1e6;

function watched(held = 300 * MB, loading = 1000) {
  const state = { held, now: 0 };
  const growth = new Growth(
    undefined,
    loading,
    () => state.held,
    () => state.now,
  );
  expect(growth.excessive('quiet')).toBe(false);
  return { state, growth };
}

describe('the memory of an evaluator', () => {
  it('may grow by 200 MB, or by a third of what it needs, where nothing is asked', () => {
    const small = watched();
    small.state.held = 500 * MB;
    expect(small.growth.excessive('quiet')).toBe(false);
    small.state.held = 501 * MB;
    expect(small.growth.excessive('quiet')).toBe(true);

    const large = watched(9000 * MB);
    large.state.held = 11_900 * MB;
    expect(large.growth.excessive('quiet')).toBe(false);
    large.state.held = 12_100 * MB;
    expect(large.growth.excessive('quiet')).toBe(true);
  });

  it('is told once', () => {
    const { state, growth } = watched();
    state.held = 900 * MB;
    expect(growth.excessive('quiet')).toBe(true);
    expect(growth.excessive('quiet')).toBe(false);
  });

  it('may be more for five minutes where one request follows another', () => {
    const { state, growth } = watched();
    state.held = 600 * MB;
    state.now = 299_000;
    expect(growth.excessive('between')).toBe(false);
    state.now = 301_000;
    expect(growth.excessive('between')).toBe(true);
  });

  it('may be more for ten minutes while work waits, and for sixty times what a start takes', () => {
    const { state, growth } = watched();
    state.held = 600 * MB;
    state.now = 599_000;
    expect(growth.excessive('busy')).toBe(false);
    state.now = 601_000;
    expect(growth.excessive('busy')).toBe(true);
    const large = watched(300 * MB, 80_000);
    large.state.held = 600 * MB;
    large.state.now = 79 * 60_000;
    expect(large.growth.excessive('busy')).toBe(false);
    large.state.now = 81 * 60_000;
    expect(large.growth.excessive('busy')).toBe(true);
  });
});
