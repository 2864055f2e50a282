export interface Slope {
  /** Growth of y for one of x. */
  readonly slope: number;
  /** Half the 95 % interval: the slope's standard error by Student's t, errors taken as correlated (below). */
  readonly margin: number;
}

/** Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom; beyond, the normal's. */
const T = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145,
  2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048,
  2.045, 2.042,
];

/**
 * Least squares with a 95 % interval. Memory now is much like memory a moment ago, so the points are not
 * independent: with lag-one correlation r of the residuals, n points count as n (1 - r) / (1 + r).
 */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): Slope {
  const n = points.length;
  const mean = (k: 0 | 1) => points.reduce((sum, p) => sum + p[k], 0) / n;
  const [mx, my] = [mean(0), mean(1)];
  const sxx = points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  const slope = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) / sxx;
  const rest = points.map(([x, y]) => y - my - slope * (x - mx));
  const squares = rest.reduce((sum, e) => sum + e * e, 0);
  const lagged = rest.slice(1).reduce((sum, e, i) => sum + e * (rest[i] as number), 0);
  const r = squares === 0 ? 0 : Math.min(Math.max(lagged / squares, 0), 0.95);
  const effective = Math.max(3, (n * (1 - r)) / (1 + r));
  const freedom = Math.max(1, Math.floor(effective) - 2);
  const error = Math.sqrt(squares / (effective - 2) / sxx);
  return { slope, margin: (T[freedom - 1] ?? 1.96) * error };
}
