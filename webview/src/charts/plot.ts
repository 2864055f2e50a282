import type { Box, DensityGrid } from '../data/density.js';
import type { Role } from './theme.js';

/**
 * A chart as data, without a way of drawing: Chart.js draws it on screen, `svg.ts` and the CSV export
 * write it from the same numbers.
 */
export interface Plot {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly layers: readonly Layer[];
  /** False: the page tells elsewhere what the colours mean. */
  readonly legend?: boolean;
  /** What must be known to read it, below the title. */
  readonly note?: string;
  /** The chart in words, for screen readers. */
  readonly summary: string;
}

export interface Axis {
  readonly label: string;
  readonly min: number;
  readonly max: number;
  /** Names of the places 0, 1, 2…, for axes of categories. */
  readonly categories?: readonly string[];
  readonly format?: (value: number) => string;
  /** False: an axis without ticks or labels, where only shape counts. */
  readonly shown?: boolean;
}

interface Named {
  /** For tooltips and exports; layers without a name have no tooltip. */
  readonly name?: string;
  readonly colour: Role;
  readonly opacity?: number;
}

/** Bars on [at - width/2, at + width/2], upright from 0; `sideways` along x, at places of y. */
export interface BarLayer extends Named {
  readonly type: 'bars';
  readonly at: ArrayLike<number>;
  readonly value: ArrayLike<number>;
  readonly width: number;
  readonly sideways?: boolean;
  /** Another colour where it says so: bars below zero. */
  readonly colourOf?: (at: number, value: number) => Role;
}

export interface LineLayer extends Named {
  readonly type: 'line';
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  readonly width?: number;
  readonly dash?: readonly number[];
  /** Fills down (or up) to this y. */
  readonly fillTo?: number;
  readonly fillOpacity?: number;
  /** Fills only, no stroke. */
  readonly bare?: boolean;
}

export interface PointLayer extends Named {
  readonly type: 'points';
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  readonly radius: number;
  readonly hollow?: boolean;
}

/** Cells over a box, darker where more points lie. */
export interface DensityLayer extends Named {
  readonly type: 'density';
  readonly grid: DensityGrid;
  readonly box: Box;
}

/** A line across the plot at a value, with a short label. */
export interface RuleLayer extends Named {
  readonly type: 'rule';
  readonly axis: 'x' | 'y';
  readonly value: number;
  readonly label?: string;
  readonly dash?: readonly number[];
  /** 0, 1, 2: keeps the labels of neighbouring rules apart. */
  readonly level?: number;
}

/** The line y = x. */
export interface DiagonalLayer extends Named {
  readonly type: 'diagonal';
  readonly label?: string;
}

export type Layer = BarLayer | LineLayer | PointLayer | DensityLayer | RuleLayer | DiagonalLayer;

export interface LegendEntry {
  readonly name: string;
  readonly colour: Role;
  readonly opacity: number;
  readonly dashed: boolean;
}

/** What the colours mean; nothing for a single series. What lies on top (not dashed) comes first. */
export function legendOf(plot: Plot): LegendEntry[] {
  const entries = plot.layers.flatMap((layer): LegendEntry[] => {
    if (layer.name === undefined) return [];
    const dashed = layer.type === 'line' && layer.dash !== undefined;
    return [{ name: layer.name, colour: layer.colour, opacity: layer.opacity ?? 1, dashed }];
  });
  if (entries.length < 2) return [];
  return entries.sort((a, b) => Number(a.dashed) - Number(b.dashed));
}

/** Ends a little outside the data, so that marks do not touch the frame; never empty. */
export function padded(low: number, high: number, share = 0.04): [number, number] {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  const room = (high - low) * share || Math.max(Math.abs(low) * share, 1e-3);
  return [low - room, high + room];
}

/** Round places 1, 2 or 5 times a power of ten, about `wanted` of them, inside [low, high]. */
export function ticks(low: number, high: number, wanted: number): number[] {
  const raw = (high - low) / Math.max(wanted, 1);
  if (!(raw > 0) || !Number.isFinite(raw)) return [];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999) ?? 10 * power;
  const out: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    out.push(+(i * step).toPrecision(12));
  }
  // Two places are the least that shows a scale.
  return out.length < 2 && wanted < 16 ? ticks(low, high, wanted * 2) : out;
}

/** Decimals that tell neighbouring ticks apart. */
export function tickText(value: number, all: readonly number[]): string {
  const step = all.length > 1 ? Math.abs((all[1] as number) - (all[0] as number)) : 1;
  const digits = Math.min(Math.max(Math.ceil(-Math.log10(step) - 1e-9), 0), 6);
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace('-', '') : text).replace('-', '−');
}

/** 1,200 as 1.2k: counts on an axis. */
export function shortCount(value: number): string {
  if (value < 1000) return String(+value.toFixed(2));
  if (value < 1e6) return `${+(value / 1000).toFixed(1)}k`;
  return `${+(value / 1e6).toFixed(1)}M`;
}
