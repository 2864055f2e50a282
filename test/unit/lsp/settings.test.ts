import { describe, expect, it } from 'vitest';
import {
  DEFAULTS,
  measuresDiffer,
  mergeSettings,
  thresholdsOf,
  measureOptions,
} from '../../../server/src/lsp/settings.js';
import { parseThreshold, TAIL } from '../../../server/src/audit/index.js';

describe('settings', () => {
  it('keep their defaults where the editor sends nothing or nonsense', () => {
    expect(mergeSettings(undefined)).toEqual(DEFAULTS);
    expect(mergeSettings({ tau: 'x', model: 3, thresholds: { modes: null } })).toEqual(DEFAULTS);
  });

  it('take what fits, at any depth, and no unknown key', () => {
    const merged = mergeSettings({
      model: { path: '/m' },
      thresholds: { tail: -0.5 },
      weights: { a: 2 },
      // As it is: who uses it says what is wrong.
      mapping: { prompt: 'q', system: 3 },
      other: 1,
    });
    expect(merged.model.path).toBe('/m');
    expect(merged.thresholds.tail).toBe('-0.5');
    expect(merged.thresholds.wide).toBe(DEFAULTS.thresholds.wide);
    expect(merged.weights).toEqual({ a: 2 });
    expect(merged.mapping).toEqual({ prompt: 'q', system: 3 });
    expect(merged).not.toHaveProperty('other');
  });

  it('read thresholds as shares or as figures', () => {
    expect(parseThreshold(' 2.5 % ', 'tail', { figure: TAIL })).toEqual({
      kind: 'relative',
      share: 0.025,
    });
    expect(parseThreshold('-1e-2', 'tail', { figure: TAIL })).toEqual({
      kind: 'absolute',
      value: -0.01,
    });
    for (const bad of ['', 'low', '120%', '5 percent'])
      expect(() => parseThreshold(bad, '--tail', { figure: TAIL })).toThrow(
        /--tail: found .*expected/,
      );
  });

  it('takes of a count whole numbers in its bounds, as the command line does', () => {
    const modes = { least: 2, most: 9 };
    expect(parseThreshold('3', 'modes', modes)).toEqual({ kind: 'absolute', value: 3 });
    for (const bad of ['1', '10', '2.5', '5%', ''])
      expect(() => parseThreshold(bad, 'modes', modes)).toThrow(/modes: found .*from 2 to 9/);
  });

  it('tell of a bad threshold and go on with the default', () => {
    const told: string[] = [];
    const settings = mergeSettings({ thresholds: { wide: 'very' } });
    const thresholds = thresholdsOf(settings, (m) => told.push(m));
    expect(thresholds).toEqual({
      ...thresholdsOf(DEFAULTS, () => undefined),
      wide: undefined,
    });
    expect(told).toEqual([expect.stringMatching(/qrmLens\.thresholds\.wide.*'very'/)]);
  });

  it('looking for near-duplicates begins an audit anew, another limit only judges anew', () => {
    const at = (nearDuplicate: unknown) => mergeSettings({ thresholds: { nearDuplicate } });
    expect(measuresDiffer(at(0), at(80))).toBe(true);
    expect(measuresDiffer(at(80), at(90))).toBe(false);
    expect(measuresDiffer(at(0), at('many'))).toBe(false);
    expect(measureOptions(at(80), []).sketches).toBe(true);
  });

  it('order fixed weights as the model orders its attributes', () => {
    const settings = mergeSettings({ weights: { b: 2, unknown: 1 }, tau: 0.9, lambda: -1 });
    const options = measureOptions(settings, ['a', 'b']);
    const { tau, lambda, cvarLevel } = DEFAULTS;
    expect(options).toEqual({ tau, lambda, cvarLevel, weights: [0, 2] });
    expect(measureOptions(mergeSettings({}), ['a']).weights).toBeUndefined();
    const levels = [0.5, 1, 0, 1.5, '0.1'].map(
      (given) => measureOptions(mergeSettings({ cvarLevel: given }), []).cvarLevel,
    );
    expect(levels).toEqual([0.5, 1, 0.2, 0.2, 0.2]);
  });
});
