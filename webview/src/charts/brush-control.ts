import type { Range } from '../data/brush.js';
import { orderedRange } from '../data/brush.js';
import { withOpacity } from './colour.js';
import type { PlotChart } from './plot-chart.js';
import type { Theme } from './theme.js';

export interface Brushed {
  readonly x?: Range;
  readonly y?: Range;
}

export interface BrushEvents {
  /** While dragging and after; undefined: cleared. */
  readonly brushed: (brush: Brushed | undefined) => void;
  /** A click or Enter at a place in data units. */
  readonly picked?: (x: number, y: number, twice: boolean) => void;
  /** The pointer or the keyboard cursor is at a place; undefined when it left. */
  readonly pointed?: (at: { x: number; y: number } | undefined, byKeyboard: boolean) => void;
}

/** Pixels before a press becomes a drag. */
const SLOP = 4;
const STEPS = 50;

/**
 * Selects a range (or a rectangle) in a chart with pointer or keyboard: arrows move a cursor, with
 * Shift they stretch the selection from where it began, Enter picks, Escape clears.
 */
export class BrushControl {
  private brush: Brushed | undefined;
  private cursor: { x: number; y: number } | undefined;
  private anchor: { x: number; y: number } | undefined;
  private press: { x: number; y: number; dragging: boolean } | undefined;
  private lastClick = { time: 0, x: 0, y: 0 };

  constructor(
    private readonly chart: () => PlotChart,
    canvas: HTMLCanvasElement,
    private readonly both: boolean,
    private readonly events: BrushEvents,
  ) {
    canvas.addEventListener('pointerdown', (e) => {
      if (e.button !== 0) return;
      this.press = { x: e.offsetX, y: e.offsetY, dragging: false };
      canvas.setPointerCapture(e.pointerId);
    });
    canvas.addEventListener('pointermove', (e) => this.move(e));
    canvas.addEventListener('pointerup', (e) => this.release(e));
    canvas.addEventListener('pointercancel', () => (this.press = undefined));
    canvas.addEventListener('pointerleave', () => this.events.pointed?.(undefined, false));
    canvas.addEventListener('keydown', (e) => {
      if (this.key(e)) e.preventDefault();
    });
    canvas.addEventListener('blur', () => {
      this.cursor = undefined;
      this.events.pointed?.(undefined, true);
      this.chart().draw();
    });
  }

  /** Shows a brush that was set elsewhere. */
  show(brush: Brushed | undefined): void {
    this.brush = brush;
  }

  draw(context: CanvasRenderingContext2D, theme: Theme): void {
    const { chartArea: area } = this.chart();
    if (this.brush !== undefined) {
      const [x0, x1] = this.pixels('x', this.brush.x) ?? [area.left, area.right];
      const [y1, y0] = this.pixels('y', this.brush.y) ?? [area.bottom, area.top];
      context.fillStyle = withOpacity(theme.colours.focus, 0.12);
      context.strokeStyle = theme.colours.focus;
      context.lineWidth = theme.highContrast ? 2 : 1;
      context.fillRect(x0, y0, x1 - x0, y1 - y0);
      context.strokeRect(
        Math.round(x0) + 0.5,
        Math.round(y0) + 0.5,
        Math.round(x1 - x0) - 1,
        Math.round(y1 - y0) - 1,
      );
    }
    if (this.cursor !== undefined) {
      const { x, y } = this.chart().scales;
      const px = x?.getPixelForValue(this.cursor.x) ?? 0;
      const py = y?.getPixelForValue(this.cursor.y) ?? 0;
      context.strokeStyle = theme.colours.text;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(Math.round(px) + 0.5, area.top);
      context.lineTo(Math.round(px) + 0.5, area.bottom);
      if (this.both) {
        context.moveTo(area.left, Math.round(py) + 0.5);
        context.lineTo(area.right, Math.round(py) + 0.5);
      }
      context.stroke();
    }
  }

  private pixels(axis: 'x' | 'y', range: Range | undefined): [number, number] | undefined {
    const scale = this.chart().scales[axis];
    if (range === undefined || !scale) return undefined;
    const inside = (v: number) =>
      scale.getPixelForValue(Math.min(Math.max(v, scale.min), scale.max));
    return [inside(range[0]), inside(range[1])];
  }

  private at(px: number, py: number): { x: number; y: number } {
    const { scales, chartArea: a } = this.chart();
    const clamp = (v: number, low: number, high: number) => Math.min(Math.max(v, low), high);
    return {
      x: scales.x?.getValueForPixel(clamp(px, a.left, a.right)) ?? 0,
      y: scales.y?.getValueForPixel(clamp(py, a.top, a.bottom)) ?? 0,
    };
  }

  private move(e: PointerEvent): void {
    const { press } = this;
    if (press === undefined) {
      this.events.pointed?.(this.at(e.offsetX, e.offsetY), false);
      return;
    }
    if (!press.dragging && Math.hypot(e.offsetX - press.x, e.offsetY - press.y) < SLOP) return;
    press.dragging = true;
    this.events.pointed?.(undefined, false);
    this.stretch(this.at(press.x, press.y), this.at(e.offsetX, e.offsetY));
  }

  private release(e: PointerEvent): void {
    const { press } = this;
    this.press = undefined;
    if (press === undefined || press.dragging) return;
    const place = this.at(e.offsetX, e.offsetY);
    const last = this.lastClick;
    const twice =
      e.timeStamp - last.time < 400 && Math.hypot(e.offsetX - last.x, e.offsetY - last.y) < 6;
    this.lastClick = { time: e.timeStamp, x: e.offsetX, y: e.offsetY };
    if (this.events.picked) this.events.picked(place.x, place.y, twice);
    else if (this.brush) this.set(undefined);
  }

  private stretch(from: { x: number; y: number }, to: { x: number; y: number }): void {
    const x = orderedRange(from.x, to.x);
    const y = this.both ? orderedRange(from.y, to.y) : undefined;
    // A straight drag of a rectangle brushes one axis only.
    if (x !== undefined || y !== undefined) this.set({ x, y });
  }

  private set(brush: Brushed | undefined): void {
    this.brush = brush;
    this.events.brushed(brush);
  }

  private key(e: KeyboardEvent): boolean {
    const { x, y } = this.chart().scales;
    if (!x || !y || e.altKey || e.ctrlKey || e.metaKey) return false;
    if (e.key === 'Escape') {
      if (!this.brush && !this.cursor) return false;
      this.anchor = undefined;
      this.cursor = undefined;
      this.set(undefined);
      return true;
    }
    const start = this.cursor ?? { x: (x.min + x.max) / 2, y: (y.min + y.max) / 2 };
    if (e.key === 'Enter' || e.key === ' ') {
      if (this.cursor === undefined) return false;
      this.events.picked?.(start.x, start.y, e.key === 'Enter');
      return true;
    }
    const dx = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
    const dy = this.both ? (e.key === 'ArrowUp' ? 1 : e.key === 'ArrowDown' ? -1 : 0) : 0;
    if (dx === 0 && dy === 0) return false;
    const next = {
      x: Math.min(Math.max(start.x + (dx * (x.max - x.min)) / STEPS, x.min), x.max),
      y: Math.min(Math.max(start.y + (dy * (y.max - y.min)) / STEPS, y.min), y.max),
    };
    this.cursor = next;
    if (e.shiftKey) {
      this.anchor ??= start;
      this.stretch(this.anchor, next);
    } else {
      this.anchor = undefined;
    }
    this.events.pointed?.(next, true);
    this.chart().draw();
    return true;
  }
}
