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

/** Relative luminance (WCAG 2.2) of an opaque colour, in [0, 1]. */
function luminance({ r, g, b }: Rgb): number {
  const linear = (c: number) => {
    const s = c / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}

/** Contrast ratio (WCAG 2.2) of two opaque colours, 1 to 21; 21 where one is of unknown form. */
export function contrast(one: string, other: string): number {
  const [a, b] = [parseColour(one), parseColour(other)];
  if (a === undefined || b === undefined) return 21;
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** The colour, moved towards the text's as far as letters in it need to be read on the ground (WCAG 1.4.3). */
export function legible(colour: string, ground: string, text: string, ratio = 4.5): string {
  for (let share = 0; share < 1; share += 0.05) {
    const mixed =
      share === 0 ? over(colour, ground) : over(withOpacity(text, share), over(colour, ground));
    if (contrast(mixed, ground) >= ratio) return mixed;
  }
  return text;
}
