export interface Rgb {
  readonly r: number;
  readonly g: number;
  readonly b: number;
  /** Opacity in [0, 1]. */
  readonly a: number;
}

/** Reads the forms that a canvas and VS Code's theme variables use: #rgb(a), #rrggbb(aa), rgb(), rgba(). */
export function parseColour(text: string): Rgb | undefined {
  const hex = /^#([0-9a-f]{3,8})$/i.exec(text.trim())?.[1];
  if (hex !== undefined) {
    const long = hex.length <= 4 ? [...hex].map((c) => c + c).join('') : hex;
    if (long.length !== 6 && long.length !== 8) return undefined;
    const at = (n: number) => Number.parseInt(long.slice(n, n + 2), 16);
    return { r: at(0), g: at(2), b: at(4), a: long.length === 8 ? at(6) / 255 : 1 };
  }
  const parts = /^rgba?\(([^)]*)\)$/i
    .exec(text.trim())?.[1]
    ?.split(/[\s,/]+/)
    .map(Number);
  const [r, g, b, a = 1] = parts ?? [];
  if (r === undefined || g === undefined || b === undefined) return undefined;
  return [r, g, b, a].every(Number.isFinite) ? { r, g, b, a } : undefined;
}

/** The colour at an opacity that multiplies its own; a colour of unknown form stays as it is. */
export function withOpacity(text: string, opacity: number): string {
  const c = parseColour(text);
  if (c === undefined) return text;
  return `rgba(${c.r}, ${c.g}, ${c.b}, ${+(c.a * opacity).toFixed(3)})`;
}

/** The colour as it looks on an opaque ground. */
export function over(text: string, ground: string): string {
  const c = parseColour(text);
  const g = parseColour(ground);
  if (c === undefined || g === undefined) return text;
  const mix = (x: number, y: number) => Math.round(x * c.a + y * (1 - c.a));
  return `rgb(${mix(c.r, g.r)}, ${mix(c.g, g.g)}, ${mix(c.b, g.b)})`;
}
