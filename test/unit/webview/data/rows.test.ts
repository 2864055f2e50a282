import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rangeText, sampleOf, select, type Brush } from '../../../../webview/src/data/brush.js';
import {
  ALL_CODES,
  buildRows,
  DEFAULT_FILTER,
  NO_FINDING,
  SORTS,
  type TableFilter,
} from '../../../../webview/src/data/rows.js';
import { floatKey, sortByKey, wordKey } from '../../../../webview/src/data/sort.js';
import { documentOf, type FindingRow, type Row } from '../helpers.js';

const float = fc.oneof(fc.float({ min: -1, max: 1, noNaN: true }), fc.constant(Number.NaN));
const rowsOf = fc
  .array(
    fc.record({
      expectation: float,
      tail: float,
      margin: float,
      kind: fc.integer({ min: 0, max: 3 }),
    }),
    {
      minLength: 1,
      maxLength: 40,
    },
  )
  .map((list) => list.map((r, id): Row => ({ ...r, id, line: (id * 7) % 11 })));
const range = fc
  .tuple(fc.double({ min: -1, max: 1, noNaN: true }), fc.double({ min: -1, max: 1, noNaN: true }))
  .map(([a, b]): [number, number] => (a < b ? [a, b] : [b, a]));
const brushes = fc.record({ expectation: range, tail: range }, { requiredKeys: [] });
const inside = (v: number, r: readonly [number, number] | undefined) =>
  r === undefined || (v >= r[0] && v <= r[1]);

describe('select', () => {
  it('keeps exactly the responses inside every range', () => {
    fc.assert(
      fc.property(rowsOf, brushes, (rows, brush: Brush) => {
        const { responses } = documentOf(rows);
        const selection = select(responses, brush);
        if (Object.keys(brush).length === 0) {
          expect(selection).toBeUndefined();
          return;
        }
        const kept = rows.map((r) => {
          const e = Math.fround(r.expectation ?? Number.NaN);
          const t = Math.fround(r.tail ?? Number.NaN);
          return !Number.isNaN(e) &&
            !Number.isNaN(t) &&
            inside(e, brush.expectation) &&
            inside(t, brush.tail)
            ? 1
            : 0;
        });
        expect([...(selection?.keep ?? [])]).toEqual(kept);
        expect(selection?.count).toBe(kept.filter((k) => k === 1).length);
      }),
    );
  });

  it('keeps both halves of a pair whose margin is inside, and no response without a pair', () => {
    const { responses } = documentOf([
      { id: 0, expectation: 1, tail: 0, margin: 0.5, partner: 1 },
      { id: 1, expectation: 0.5, tail: 0, partner: 0 },
      { id: 2, expectation: 1, tail: 0, margin: -0.5, partner: 3 },
      { id: 3, expectation: 1.5, tail: 0, partner: 2 },
      { id: 4, expectation: 1, tail: 0 },
    ]);
    expect([...(select(responses, { margin: [0, 1] })?.keep ?? [])]).toEqual([1, 1, 0, 0, 0]);
  });

  it('samples the kept ones evenly, never more than asked for', () => {
    const keep = Uint8Array.from({ length: 1000 }, (_, i) => i % 2);
    const sample = sampleOf({ keep, count: 500 }, 50);
    expect(sample).toHaveLength(50);
    expect(new Set(sample).size).toBe(50);
    expect(sample.every((i) => keep[i] === 1)).toBe(true);
    expect(Math.max(...sample)).toBeGreaterThan(900);
    expect(sampleOf({ keep, count: 500 }, 5000)).toHaveLength(500);
  });

  it('writes open ranges as such', () => {
    expect(rangeText([-1e300, 0.25])).toBe('≤ 0.250');
    expect(rangeText([-0.5, 1e300])).toBe('≥ −0.500');
    expect(rangeText([-0.5, 0.5])).toBe('−0.500 to 0.500');
  });
});

describe('sortByKey', () => {
  it('orders floats as numbers, unknown ones last both ways, equal ones as they were', () => {
    const value = fc.oneof(fc.float(), fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 80 }), fc.boolean(), (values, down) => {
        const floats = Float32Array.from(values);
        const items = Uint32Array.from(floats, (_, i) => i);
        const keys = Uint32Array.from(floats, (v) => floatKey(v === 0 ? 0 : v, down));
        const expected = [...items].sort((i, j) => {
          const [a, b] = [floats[i] as number, floats[j] as number];
          if (Number.isNaN(a) || Number.isNaN(b))
            return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
          return a === b ? 0 : a < b === down ? 1 : -1;
        });
        expect([...sortByKey(items, keys)]).toEqual(expected);
      }),
    );
  });

  it('orders whole numbers up to 32 bits', () => {
    const values = [5, 0, 0xfffffffe, 65536, 65535, 1];
    const items = Uint32Array.from(values, (_, i) => i);
    const order = (down: boolean) =>
      [
        ...sortByKey(
          items,
          Uint32Array.from(values, (v) => wordKey(v, down)),
        ),
      ].map((i) => values[i]);
    expect(order(false)).toEqual([0, 1, 5, 65535, 65536, 0xfffffffe]);
    expect(order(true)).toEqual([0xfffffffe, 65536, 65535, 5, 1, 0]);
  });
});

describe('buildRows', () => {
  const found: FindingRow[] = [
    [0, 0, 0],
    [0, 1, 1],
    [2, 0, 2],
    [3, 3, 2],
  ];
  const d = documentOf(
    [
      { id: 0, expectation: 0.5, tail: 0.1, kind: 0, line: 9, partner: 1, beats: 0.3 },
      { id: 1, expectation: 0.6, tail: 0.4, kind: 1, line: 9, partner: 0 },
      { id: 2, expectation: 0.2, tail: -0.1, kind: 2, line: 4 },
      { id: 3, expectation: 0.9, tail: 0.7, kind: 2, line: 7 },
      { id: 4, expectation: 0.9, tail: 0.7, kind: 255, line: 8 },
    ],
    found,
  );
  const list = (part: Partial<TableFilter>, brush: Brush = {}) => {
    const filter = { ...DEFAULT_FILTER, sort: 'tail' as const, ...part };
    const rows = buildRows([d], filter, [select(d.responses, brush)]);
    return [...rows.order].map((i) => [rows.response[i], rows.code[i]]);
  };

  it('lists the gravest first unless asked otherwise, of the same severity the lowest tail', () => {
    const rows = buildRows([d], DEFAULT_FILTER, [undefined]);
    const severities = [...rows.order].map((i) => rows.severity[i] as number);
    expect(severities).toEqual([...severities].sort((a, b) => a - b));
    const tails = [...rows.order].map(
      (i) => d.responses.tail[rows.response[i] as number] as number,
    );
    for (let n = 1; n < tails.length; n++)
      if (severities[n] === severities[n - 1])
        expect(tails[n]).toBeGreaterThanOrEqual(tails[n - 1] as number);
  });

  it('lists findings, the lowest tail first', () => {
    expect(list({})).toEqual([
      [2, 0],
      [0, 0],
      [0, 1],
      [3, 3],
    ]);
  });

  it('filters by code, severity and brush together', () => {
    expect(list({ codes: 1 << 0 })).toEqual([
      [2, 0],
      [0, 0],
    ]);
    expect(list({ severities: 1 << 2 })).toEqual([
      [2, 0],
      [3, 3],
    ]);
    expect(list({ severities: 1 << 2 }, { expectation: [0.3, 1] })).toEqual([[3, 3]]);
  });

  it('lists every living response once, with its gravest finding', () => {
    expect(list({ listing: 'responses', sort: 'line' })).toEqual([
      [2, 0],
      [3, 3],
      [0, 0],
      [1, NO_FINDING],
    ]);
    // A filter by code leaves out responses without a finding.
    expect(list({ listing: 'responses', codes: ALL_CODES & ~1 })).toEqual([[3, 3]]);
  });

  it('sorts by any column, both ways', () => {
    const value = (by: string, r: number) =>
      ({
        line: [9, 9, 4, 7],
        tail: [0.1, 0.4, -0.1, 0.7],
        expectation: [0.5, 0.6, 0.2, 0.9],
        kind: [0, 1, 2, 2],
      })[by]?.[r] ?? 0;
    for (const sort of SORTS) {
      for (const descending of [false, true]) {
        const got = list({ sort, descending }).map(([r]) => value(sort, r ?? 0));
        const expected = [...got].sort((a, b) => (descending ? b - a : a - b));
        expect(got).toEqual(expected);
      }
    }
    expect(list({ sort: 'beats' })[0]?.[0]).toBe(0);
  });

  it('asks the last test of each row', () => {
    const rows = buildRows(
      [d],
      DEFAULT_FILTER,
      [undefined],
      (_d, r, code) => r === 0 && code === 1,
    );
    expect([...rows.order].map((i) => [rows.response[i], rows.code[i]])).toEqual([[0, 1]]);
  });

  it('keeps two documents apart', () => {
    const other = documentOf([{ id: 0, tail: -5 }], [[0, 4, 1]]);
    const rows = buildRows([d, other], { ...DEFAULT_FILTER, sort: 'tail' }, []);
    expect(rows.document[rows.order[0] as number]).toBe(1);
    expect(rows.order).toHaveLength(5);
  });
});
