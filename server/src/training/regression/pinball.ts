/**
 * argmin_z sum_r weight * rho_tau(y_r - z) + (z - v)^2 / 2: the proximal operator of one response's loss.
 * The sum is convex and linear between its labels, so the answer is found by walking over them.
 * @param sorted the raters' labels, ascending
 */
export function proximalPinball(
  v: number,
  sorted: readonly number[],
  level: number,
  weight: number,
): number {
  const R = sorted.length;
  for (let below = 0; ; below++) {
    // With `below` labels under z the sum's slope is below (1 - tau) - (R - below) tau.
    const z = v - weight * (below * (1 - level) - (R - below) * level);
    if (below === R || z < sorted[below]!) {
      // A jump of the slope at the label before: z must not fall under it.
      return below === 0 ? z : Math.max(z, sorted[below - 1]!);
    }
  }
}

/**
 * argmin_z sum_k [ sum_r weight * rho_tau_k(y_r - z_k) + (z_k - v_k)^2 / 2 ] with z_1 <= z_2 <= ...: the
 * proximal step of all levels of one response when they must not cross. By pool adjacent violators: levels
 * that cross become one, and since the loss is affine in tau, a pool's best value is that of the mean level
 * at the mean v.
 * @param v [K]; becomes z in place
 * @param sorted the raters' labels, ascending
 * @param levels [K], ascending
 */
export function proximalMonotone(
  v: Float64Array,
  sorted: readonly number[],
  levels: readonly number[],
  weight: number,
): void {
  const pools: { v: number; level: number; count: number; z: number }[] = [];
  for (let k = 0; k < v.length; k++) {
    const z = proximalPinball(v[k]!, sorted, levels[k]!, weight);
    let pool = { v: v[k]!, level: levels[k]!, count: 1, z };
    for (let last = pools.at(-1); last && last.z > pool.z; last = pools.at(-1)) {
      pools.pop();
      const count = last.count + pool.count;
      const mean = (a: number, b: number): number => (a * last!.count + b * pool.count) / count;
      const [meanV, level] = [mean(last.v, pool.v), mean(last.level, pool.level)];
      pool = { v: meanV, level, count, z: proximalPinball(meanV, sorted, level, weight) };
    }
    pools.push(pool);
  }
  let at = 0;
  for (const { count, z } of pools) v.fill(z, at, (at += count));
}
