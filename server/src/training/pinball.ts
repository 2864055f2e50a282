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
