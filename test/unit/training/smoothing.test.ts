import { describe, expect, it } from 'vitest';
import { matrix } from '../../../server/src/training/matrix/matrix.js';
import { smoothLevels } from '../../../server/src/training/regression/smoothing.js';

describe('smoothing over levels', () => {
  const levels = Array.from({ length: 19 }, (_, k) => k);

  it('leaves straight lines as they are, at the edges too', () => {
    const lines = matrix(2, 19, [...levels.map((k) => 3 - 0.5 * k), ...levels.map(() => 7)]);
    smoothLevels(lines, 1).data.forEach((x, i) => expect(x).toBeCloseTo(lines.data[i]!, 10));
  });

  it('damps what alternates from level to level', () => {
    const noise = matrix(
      1,
      19,
      levels.map((k) => (-1) ** k),
    );
    const most = Math.max(...smoothLevels(noise, 1).data.slice(2, -2).map(Math.abs));
    expect(most).toBeLessThan(0.1);
  });

  it('does nothing at bandwidth 0', () => {
    const any = matrix(1, 3, [5, 1, 4]);
    expect([...smoothLevels(any, 0).data]).toEqual([5, 1, 4]);
  });
});
