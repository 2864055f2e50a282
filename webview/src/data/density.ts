/** Counts over a rectangle of the plane, for a scatter of more points than can be drawn one by one. */
export interface DensityGrid {
  readonly columns: number;
  readonly rows: number;
  readonly counts: Uint32Array;
  /** The highest count. */
  readonly peak: number;
}

export interface Box {
  readonly xMin: number;
  readonly xMax: number;
  readonly yMin: number;
  readonly yMax: number;
}

/**
 * Bins points into columns x rows cells, row 0 at yMax (as on a screen). One pass, no allocation per
 * point; NaN and points outside are left out.
 */
export function densityGrid(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  length: number,
  box: Box,
  columns: number,
  rows: number,
  keep?: Uint8Array,
): DensityGrid {
  const counts = new Uint32Array(columns * rows);
  const sx = columns / (box.xMax - box.xMin || 1);
  const sy = rows / (box.yMax - box.yMin || 1);
  let peak = 0;
  for (let i = 0; i < length; i++) {
    if (keep !== undefined && keep[i] === 0) continue;
    const c = ((x[i] as number) - box.xMin) * sx;
    const r = (box.yMax - (y[i] as number)) * sy;
    // NaN fails every comparison.
    if (!(c >= 0 && c <= columns && r >= 0 && r <= rows)) continue;
    const at = Math.min(Math.floor(r), rows - 1) * columns + Math.min(Math.floor(c), columns - 1);
    const count = (counts[at] as number) + 1;
    counts[at] = count;
    if (count > peak) peak = count;
  }
  return { columns, rows, counts, peak };
}

/** Opacity of a cell: logarithmic, so that single points stay visible beside a dense core. */
export function cellOpacity(count: number, peak: number, floor = 0.25): number {
  if (count === 0) return 0;
  return peak <= 1 ? 1 : floor + (1 - floor) * (Math.log(count) / Math.log(peak));
}

/** The point nearest to a place, distances measured in units of sx and sy; -1 beyond `radius`. */
export function nearest(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  length: number,
  at: { readonly x: number; readonly y: number },
  scale: { readonly x: number; readonly y: number },
  radius: number,
): number {
  let best = -1;
  let distance = radius * radius;
  for (let i = 0; i < length; i++) {
    const dx = ((x[i] as number) - at.x) * scale.x;
    const dy = ((y[i] as number) - at.y) * scale.y;
    const d = dx * dx + dy * dy;
    if (d < distance) {
      distance = d;
      best = i;
    }
  }
  return best;
}
