import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toggleBit, typedRange } from '../../../webview/src/dashboard/filters.js';
import { FINDING_CODES } from '../../../server/src/protocol/index.js';
import { ALL_CODES, ALL_SEVERITIES } from '../../../webview/src/data/rows.js';
import {
  EMPTY_DASHBOARD,
  keptDashboard,
  persisted,
  readDashboard,
  readDetail,
  readState,
  type DashboardState,
} from '../../../webview/src/state.js';

describe('kept state', () => {
  it('comes back as it was after a reload', () => {
    const state: DashboardState = {
      listing: 'responses',
      codes: 0b101,
      severities: 0b1,
      sort: 'line',
      descending: true,
      text: 'needle',
      brush: { tail: [-0.5, 0.25], margin: [0, 1] },
    };
    const kept = readState(
      JSON.parse(JSON.stringify(persisted('dashboard', ['file:///a'], keptDashboard(state)))),
    );
    expect(kept?.uris).toEqual(['file:///a']);
    expect(readDashboard(kept?.filters)).toEqual(state);
    const detail = readState(
      JSON.parse(JSON.stringify(persisted('detail', [], { tau: 0.2, lambda: 3 }))),
    );
    expect(readDetail(detail?.filters)).toEqual({ tau: 0.2, lambda: 3 });
  });

  it('keeps filters by name, reads the bits of before, and passes over names it does not know', () => {
    const codes = (kept: unknown) => readDashboard({ codes: kept }).codes;
    const bit = (name: (typeof FINDING_CODES)[number]) => 1 << FINDING_CODES.indexOf(name);
    const two = bit('low-left-tail') | bit('unscored');
    const state = { ...EMPTY_DASHBOARD, codes: two, severities: 0b100 };
    expect(keptDashboard(state)).toMatchObject({
      codes: ['low-left-tail', 'unscored'],
      severities: ['info'],
    });
    expect(keptDashboard(EMPTY_DASHBOARD).codes).toBeUndefined();
    expect(codes(['unscored', 'of tomorrow', 'low-left-tail'])).toBe(two);
    expect(codes(['of tomorrow'])).toBe(ALL_CODES);
    expect(codes([])).toBe(ALL_CODES);
    expect(codes(0b1_0000_0001)).toBe(two);
    expect(codes(0b10)).toBe(bit('inverted-pair'));
  });

  it('is never trusted: anything at all gives a usable state', () => {
    fc.assert(
      fc.property(fc.anything(), (junk) => {
        const s = readDashboard(junk);
        expect(Object.keys(s).sort()).toEqual(Object.keys(EMPTY_DASHBOARD).sort());
        expect(s.codes & ~ALL_CODES).toBe(0);
        expect(s.severities & ~ALL_SEVERITIES).toBe(0);
        expect(readDetail(junk)).toBeDefined();
        readState(junk);
      }),
    );
    expect(
      readDashboard({
        sort: 'evil',
        text: 5,
        codes: 'x',
        brush: { tail: [2, 1], margin: [null, 1] },
      }),
    ).toEqual(EMPTY_DASHBOARD);
    expect(readDetail({ tau: 2, lambda: -1 })).toEqual({ tau: undefined, lambda: undefined });
    expect(readState({ page: 'other', uris: [] })).toBeUndefined();
    expect(readState({ page: 'detail', uris: [1] })).toBeUndefined();
  });
});

describe('filter bar', () => {
  it('goes from all to one, adds, takes away, and back to all', () => {
    let bits = ALL_CODES;
    bits = toggleBit(bits, 2, ALL_CODES);
    expect(bits).toBe(0b100);
    bits = toggleBit(bits, 0, ALL_CODES);
    expect(bits).toBe(0b101);
    bits = toggleBit(toggleBit(bits, 2, ALL_CODES), 0, ALL_CODES);
    expect(bits).toBe(ALL_CODES);
  });

  it('reads typed ranges, with open ends and either decimal sign', () => {
    expect(typedRange('−0,5', '0.25')).toEqual([-0.5, 0.25]);
    expect(typedRange('', '1')?.[0]).toBeLessThan(-1e299);
    expect(typedRange(' ', '')).toBeUndefined();
    expect(typedRange('2', '1')).toBeNull();
    expect(typedRange('abc', '1')).toBeNull();
  });
});
