import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csv, csvCell } from '../../../../webview/src/data/csv.js';
import { decimals, percent, tailName } from '../../../../server/src/protocol/index.js';
import { visible } from '../../../../webview/src/data/visible.js';

describe('visible', () => {
  it('leaves no control or format character but the emoji joiner, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visible(text).replaceAll('\u200d', '')).not.toMatch(
          /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u,
        );
        expect(visible(text, true).replaceAll(/[\u200d\n\t]/g, '')).not.toMatch(
          /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u,
        );
      }),
    );
  });

  it('writes them so that a reader sees them', () => {
    expect(visible('a\u001b[31mb\u202Ec\r\nd\te')).toBe('a\\x1b[31mb\\u{202e}c ⏎ d e');
    expect(visible('a\r\nb\rc\td', true)).toBe('a\nb\nc\td');
    expect(visible('👩‍👧 naïve 日本')).toBe('👩‍👧 naïve 日本');
  });
});

describe('csv', () => {
  it('gives every text back to a CSV reader', () => {
    const plain = fc
      .string({ unit: 'grapheme' })
      .filter((t) => !/^[\s\p{Cf}]*[=+\-@＝＋－＠]|^[\t\r\n]/u.test(t));
    fc.assert(
      fc.property(fc.array(fc.tuple(plain, plain), { minLength: 1 }), (rows) => {
        const parsed: unknown = parse(csv(['a', 'b'], rows), { relax_column_count: true });
        expect(parsed).toEqual([['a', 'b'], ...rows]);
      }),
    );
  });

  it('disarms formulas in texts and leaves numbers alone', () => {
    for (const text of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', ' =1', '\u200b=1', '＝1', '\r=1']) {
      expect(csvCell(text).replace(/^"/, '')).toMatch(/^'/);
    }
    expect(csvCell(-0.5)).toBe('-0.5');
    expect(csvCell(Number.NaN)).toBe('');
    expect(csvCell('a=1')).toBe('a=1');
  });
});

describe('figures', () => {
  it('have a true minus, no negative zero, and a dash for the unknown', () => {
    expect(decimals(-0.1234)).toBe('−0.123');
    expect(decimals(-0.0001)).toBe('0.000');
    expect(decimals(Number.NaN)).toBe('–');
    expect(percent(0.126)).toBe('12.6 %');
    expect([0.05, 0.1, 0.025].map(tailName)).toEqual(['q05', 'q10', 'q02.5']);
  });
});
