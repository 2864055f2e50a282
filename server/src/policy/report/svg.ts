import { decimals } from '../../protocol/index.js';
import { html } from '../../audit/report/index.js';
import type { FigureName, Point, PolicyPreview } from '../index.js';
import { short } from './words.js';

/** Colours of curves on a light and a dark page: Okabe and Ito's, told apart without seeing colour. */
export const PALETTE: readonly (readonly [string, string])[] = [
  ['#0072b2', '#56b4e9'],
  ['#d55e00', '#ff9a57'],
  ['#009e73', '#3fd0a4'],
  ['#aa4499', '#e093d2'],
  ['#8a6d00', '#e6c13c'],
  ['#5d6676', '#b3bccb'],
];

const [W, H] = [460, 300];
const EDGE = { left: 52, right: 12, top: 12, bottom: 34 };
type XY = readonly [number, number];

interface Drawn {
  readonly name: string;
  readonly points: readonly { readonly at: XY; readonly title: string; readonly main?: boolean }[];
}

function chart(curves: readonly Drawn[], x: string, y: string, label: string): string {
  const all = curves
    .flatMap(({ points }) => points.map(({ at }) => at))
    .filter((p) => p.every(Number.isFinite));
  if (all.length === 0) return '';
  const range = (n: 0 | 1): XY => {
    const [low, high] = [Math.min(...all.map((p) => p[n])), Math.max(...all.map((p) => p[n]))];
    const pad = (high - low || 1) * 0.04;
    return [low - pad, high + pad];
  };
  const [[left, right], [bottom, top]] = [range(0), range(1)];
  const px = ([a, b]: XY): XY => [
    EDGE.left + ((a - left) / (right - left)) * (W - EDGE.left - EDGE.right),
    H - EDGE.bottom - ((b - bottom) / (top - bottom)) * (H - EDGE.top - EDGE.bottom),
  ];
  const path = (points: Drawn['points']): string =>
    points
      .map(
        ({ at }, n) =>
          `${n === 0 ? 'M' : 'L'}${px(at)
            .map((v) => v.toFixed(1))
            .join(' ')}`,
      )
      .join('');
  const lines = curves.map(({ points }, n) => {
    const c = n % PALETTE.length;
    const dots = points.map(({ at, title, main }) => {
      const [cx, cy] = px(at);
      return `<circle class="dot f${c}" cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="${main === true ? 5 : 2.6}"><title>${html(title)}</title></circle>`;
    });
    return `<path class="line c${c}" d="${path(points)}"/>${dots.join('')}`;
  });
  const tick = (n: 0 | 1, value: number): string => {
    const [tx, ty] = px(n === 0 ? [value, bottom] : [left, value]);
    return n === 0
      ? `<text x="${tx.toFixed(1)}" y="${H - EDGE.bottom + 14}" text-anchor="middle">${decimals(value)}</text>`
      : `<text x="${EDGE.left - 6}" y="${(ty + 3).toFixed(1)}" text-anchor="end">${decimals(value)}</text>`;
  };
  const ticks = ([low, high]: XY): number[] => [0.08, 0.5, 0.92].map((s) => low + s * (high - low));
  return `<svg viewBox="0 0 ${W} ${H}" role="img" aria-label="${html(label)}"><path class="axis" d="M${EDGE.left} ${EDGE.top}V${H - EDGE.bottom}H${W - EDGE.right}" fill="none"/>${ticks(
    [left, right],
  )
    .map((v) => tick(0, v))
    .join('')}${ticks([bottom, top])
    .map((v) => tick(1, v))
    .join(
      '',
    )}<text x="${W - EDGE.right}" y="${H - 4}" text-anchor="end">${html(x)}</text><text x="4" y="10">${html(y)}</text>${lines.join('')}</svg>`;
}

const withReference = (preview: PolicyPreview, path: readonly Point[], budget?: Point): Point[] =>
  [preview.reference, ...path, ...(budget ? [budget] : [])].sort((a, b) => a.kl.value - b.kl.value);

const told = (name: string, p: Point): string =>
  `${name}: ${short(p.kl.value)} nats, mean ${decimals(p.figures.mean.value)}, q05 ${decimals(p.figures.q05.value)}${p.beta === undefined ? '' : `, beta ${short(p.beta)}`}`;

/** q05 against the mean along the path of beta; the point at the budget is larger. */
export function frontierSvg(preview: PolicyPreview): string {
  const curves = preview.objectives.map(({ name, path, atBudget }) => ({
    name,
    points: withReference(preview, path, atBudget).map((p) => ({
      at: [p.figures.mean.value, p.figures.q05.value] as const,
      title: told(name, p),
      main: p === atBudget,
    })),
  }));
  return chart(curves, 'mean', 'q05', 'Left tail against mean along the path of beta');
}

/** A figure over the KL that is paid for it. */
export function klSvg(preview: PolicyPreview, figure: FigureName): string {
  const curves = preview.objectives.map(({ name, path, atBudget }) => ({
    name,
    points: withReference(preview, path, atBudget).map((p) => ({
      at: [p.kl.value, p.figures[figure].value] as const,
      title: told(name, p),
      main: p === atBudget,
    })),
  }));
  return chart(curves, 'KL in nats', figure, `${figure} over KL`);
}
