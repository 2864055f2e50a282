import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  contentHeight,
  MAX_HEIGHT,
  rowWindow,
  scrollToRow,
} from '../../../../webview/src/data/window.js';

const H = 24;
const tables = fc.record({
  rows: fc.oneof(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 100_000, max: 5_000_000 })),
  viewport: fc.integer({ min: 30, max: 1200 }),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
});

describe('rowWindow', () => {
  it('covers the viewport with the rows that belong there', () => {
    fc.assert(
      fc.property(tables, ({ rows, viewport, at }) => {
        const room = Math.max(contentHeight(rows, H) - viewport, 0);
        const scroll = at * room;
        const w = rowWindow(rows, H, viewport, scroll);
        // Drawn from w.top downwards, no gap at either edge of what is on screen.
        const bottom = w.top + (w.to - w.from) * H;
        expect(w.top).toBeLessThanOrEqual(scroll + 1e-6);
        expect(bottom).toBeGreaterThanOrEqual(
          Math.min(scroll + viewport, contentHeight(rows, H)) - 1e-3,
        );
        expect(w.to - w.from).toBeLessThanOrEqual(Math.ceil(viewport / H) + 10);
        expect(w.from).toBeGreaterThanOrEqual(0);
        expect(w.to).toBeLessThanOrEqual(rows);
      }),
    );
  });

  it('shows the first row at the top and the last at the bottom, however many there are', () => {
    for (const rows of [10, 1000, 1_000_000, 5_000_000]) {
      const room = Math.max(contentHeight(rows, H) - 300, 0);
      expect(rowWindow(rows, H, 300, 0).from).toBe(0);
      const end = rowWindow(rows, H, 300, room);
      expect(end.to).toBe(rows);
      expect(end.top + (rows - end.from) * H).toBeCloseTo(contentHeight(rows, H), 3);
    }
    expect(contentHeight(5_000_000, H)).toBe(MAX_HEIGHT);
  });

  it('is empty for no rows', () => {
    expect(rowWindow(0, H, 300, 0)).toMatchObject({ from: 0, to: 0 });
  });
});

describe('scrollToRow', () => {
  it('brings any row fully into view', () => {
    fc.assert(
      fc.property(
        tables,
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        ({ rows, viewport, at }, which) => {
          const row = Math.floor(which * rows);
          const room = Math.max(contentHeight(rows, H) - viewport, 0);
          const to = scrollToRow(row, rows, H, viewport, at * room);
          const w = rowWindow(rows, H, viewport, to);
          const top = w.top + (row - w.from) * H;
          expect(row).toBeGreaterThanOrEqual(w.from);
          expect(row).toBeLessThan(w.to);
          expect(top).toBeGreaterThanOrEqual(to - 1e-3);
          expect(top + H).toBeLessThanOrEqual(to + Math.max(viewport, H) + 1e-3);
        },
      ),
    );
  });

  it('does not move for a row already in view', () => {
    expect(scrollToRow(12, 1000, H, 240, 11 * H)).toBe(11 * H);
  });
});
