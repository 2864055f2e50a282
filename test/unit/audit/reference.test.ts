import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { limitsOfTable, RULES, runRules } from '../../../server/src/audit/index.js';
import { Ledger } from '../../../server/src/audit/ledger.js';
import { referred } from '../../../server/src/audit/thresholds.js';
import { readReference } from '../../../server/src/model/bundle/format/reference.js';
import type { ReferenceFigures } from '../../../server/src/qrm/types.js';
import { LEVELS, scoreOf, tableOf } from './helpers.js';

const reference: ReferenceFigures = {
  of: '100 responses of a sample',
  tau: 0.05,
  shares: [0.01, 0.05, 0.1],
  figures: { tail: [-2, -1, 0], spread: [9, 8, 7] },
};
/** Responses whose left tails are the means less 0.45. */
const few = (means: readonly number[], of: ReferenceFigures | undefined = reference) =>
  tableOf(
    means.map((mean) => scoreOf(mean)),
    'completion',
    of,
  );
const found = (table: ReturnType<typeof few>, thresholds = {}) =>
  [...runRules({ table, thresholds, tau: 0.05 })].filter((f) => f.code === 'low-left-tail');

describe('a data set with too few figures for shares of its own', () => {
  it('is judged by the limit that the share has in the reference, and says so', () => {
    const findings = found(few([0, -0.5, -1, -3]));
    expect(findings.map((f) => [f.response, f.severity])).toEqual([
      [2, 'warning'],
      [3, 'error'],
    ]);
    expect(findings[0]?.message).toBe(
      'Low left tail: q05 is −1.450, at or below −1.000 (the lowest 5 % of 100 responses of a sample).',
    );
  });

  it('is judged by its own shares from ten responses on, and by a number of the user at any size', () => {
    const ten = few(Array.from({ length: 10 }, (_, n) => n));
    expect(found(ten).map((f) => f.response)).toEqual([0]);
    expect(found(ten)[0]?.message).toContain("the dataset's lowest 5 %");
    const own = { tail: { kind: 'absolute', value: 0.1 } } as const;
    expect(found(few([0.5, 0.6]), own).map((f) => f.response)).toEqual([0]);
    expect(found(few([0.5, 0.6]), own)[0]?.message).toContain('set by you');
  });

  it('has no finding where the reference does not know the share, or there is none', () => {
    const half = { tail: { kind: 'relative', share: 0.5 } } as const;
    expect(found(few([-5]), half)).toEqual([]);
    expect(found(few([-5], { ...reference, figures: {} }))).toEqual([]);
    const table = few([-5]);
    expect(limitsOfTable(RULES, table, {}).referred.get('wide-distribution')).toBe(reference.of);
    expect(limitsOfTable(RULES, table, {}).referred.has('inverted-pair')).toBe(false);
  });

  it('takes the reference as the model was read for it: not at another level, nor with other weights', () => {
    const info = {
      spec: { attributes: ['a'], levels: LEVELS },
      modelName: 'm',
      modelHash: 'h',
      precision: 'int8',
      executionProvider: 'cpu',
      maxTokens: 9,
      reference,
    };
    expect(new Ledger(info, { tau: 0.05, lambda: 1 }).table.reference).toBe(reference);
    expect(new Ledger(info, { tau: 0.1, lambda: 1 }).table.reference).toBeUndefined();
    const weighted = new Ledger(info, { tau: 0.05, lambda: 1, weights: [1] });
    expect(weighted.table.reference).toBeUndefined();
  });

  it('interpolates between shares', () => {
    expect(referred(reference, 'tail', 0.05)).toBe(-1);
    expect(referred(reference, 'tail', 0.03)).toBeCloseTo(-1.5, 12);
    expect(referred(reference, 'tail', 0.005)).toBeNaN();
    expect(referred(undefined, 'tail', 0.05)).toBeNaN();
  });
});

describe('reference.json', () => {
  const folder = mkdtempSync(join(tmpdir(), 'qrm-lens-reference-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const read = (value: unknown) => {
    writeFileSync(join(folder, 'reference.json'), JSON.stringify(value));
    return readReference(folder);
  };

  it('is read, and refused by its name where it is none', async () => {
    expect(await read(reference)).toEqual(reference);
    for (const wrong of [
      null,
      { ...reference, shares: [0.1, 0.05, 0.01] },
      { ...reference, figures: { tail: [1] } },
      { ...reference, of: 7 },
    ])
      await expect(read(wrong)).rejects.toThrow(/reference\.json: expected/);
    expect(await readReference(join(folder, 'none'))).toBeUndefined();
  });

  it('of the embedded model has a limit for every threshold that is a share by default', async () => {
    const embedded = await readReference('models/default');
    for (const { threshold } of RULES) {
      if (threshold?.default.kind !== 'relative') continue;
      const limit = referred(embedded, threshold.figure?.name ?? '', threshold.default.share);
      expect(limit, threshold.name).not.toBeNaN();
    }
  });
});
