import { describe, expect, it } from 'vitest';
import { Document } from '../../../../webview/src/data/documents.js';
import { batch, documentOf, findings, summary, type Row } from '../helpers.js';

const rows = (n: number, shift = 0): Row[] =>
  Array.from({ length: n }, (_, id) => ({
    id,
    expectation: Math.sin(id) + shift,
    tail: Math.sin(id) - 0.3 + shift,
    margin: id % 2 === 0 ? Math.cos(id) : undefined,
    beats: id % 2 === 0 ? (Math.cos(id) + 1) / 2 : undefined,
    kind: id % 2,
    partner: id ^ 1,
  }));

describe('Document', () => {
  it('ends the same whether responses come once or are scored again', () => {
    const again = documentOf(rows(3000));
    again.addColumns(batch(rows(3000, 0.7)));
    const once = documentOf(rows(3000, 0.7));
    for (const measure of ['expectation', 'tail', 'margin'] as const) {
      const [a, b] = [again.histograms[measure], once.histograms[measure]];
      expect(a.total).toBe(b.total);
      expect(a.mean).toBeCloseTo(b.mean, 6);
      const bins = b.bins(64);
      expect([...a.countsIn(bins)]).toEqual([...b.countsIn(bins)]);
    }
    expect(again.responses.pairs).toBe(1500);
    expect(again.responses.agreeing).toBe(rows(3000).filter((r) => (r.beats ?? 0) > 0.5).length);
  });

  it('takes a removed response out of every count', () => {
    const d = documentOf(rows(10));
    d.addColumns(batch([{ id: 4, expectation: 9, tail: 9, margin: 9, beats: 0.9, kind: 255 }]));
    expect(d.histograms.expectation.total).toBe(9);
    expect(d.histograms.margin.total).toBe(4);
    expect(d.responses.pairs).toBe(4);
    expect(d.responses.expectation[4]).toBeNaN();
  });

  it('gives both halves of a pair the figures of the pair', () => {
    const { responses } = documentOf(rows(4));
    expect(responses.pairMargin(3)).toBe(responses.margin[2]);
    expect(responses.pairBeats(3)).toBe(responses.beats[2]);
    expect(documentOf([{ id: 0, tail: 1 }]).responses.pairMargin(0)).toBeNaN();
  });

  it('starts anew with another epoch and drops what belongs to an older one', () => {
    const d = documentOf(rows(10), [[1, 0, 0]]);
    expect(d.addColumns(batch(rows(3), 2))).toBe(true);
    expect(d.responses.length).toBe(3);
    expect(d.findings.length).toBe(0);
    expect(d.addColumns(batch(rows(10), 1))).toBe(false);
    expect(d.responses.length).toBe(3);
    expect(d.addColumns(batch(rows(10), 2, 'file:///other.jsonl'))).toBe(false);
    d.setSummary(summary({ epoch: 3 }));
    expect(d.responses.length).toBe(0);
  });

  it('appends findings page by page and refuses a page out of turn', () => {
    const d = new Document(summary(), 'a');
    expect(
      d.addFindings(
        findings(
          [
            [0, 0, 0],
            [1, 1, 1],
          ],
          0,
          3,
        ),
      ),
    ).toBe(true);
    expect(d.addFindings(findings([[9, 2, 2]], 5, 6))).toBe(false);
    expect(d.addFindings(findings([[2, 2, 2]], 2, 3))).toBe(true);
    expect([...d.findings.response.subarray(0, d.findings.length)]).toEqual([0, 1, 2]);
    expect(d.addFindings(findings([[7, 3, 1]], 0, 1))).toBe(true);
    expect(d.findings.length).toBe(1);
    expect(d.addFindings(findings([], 0, 0))).toBe(true);
    expect(d.findings.length).toBe(0);
  });

  it('shows the old findings until the new list is whole', () => {
    const d = documentOf(rows(10), [
      [1, 0, 0],
      [2, 0, 0],
    ]);
    d.addFindings(findings([[5, 1, 1]], 0, 2));
    expect([...d.findings.response.subarray(0, d.findings.length)]).toEqual([1, 2]);
    d.addFindings(findings([[6, 1, 1]], 1, 2));
    expect([...d.findings.response.subarray(0, d.findings.length)]).toEqual([5, 6]);
  });
});
