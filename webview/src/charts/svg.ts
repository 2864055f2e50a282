import { cellOpacity } from '../data/density.js';
import { visible } from '../data/visible.js';
import { legible, parseColour } from './colour.js';
import { legendOf, ticks, tickText, type Axis, type Layer, type Plot } from './plot.js';
import type { Role, Theme } from './theme.js';

const MARGIN = { left: 56, right: 16, top: 36, bottom: 44 };

/** Text for element content and attribute values; what XML forbids is written visibly. */
export function xml(text: string): string {
  return visible(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

const n = (value: number): string => String(+value.toFixed(2));

/** The chart as a stand-alone SVG in the theme's colours: no script, nothing fetched. */
export function svg(plot: Plot, theme: Theme, width = 720, height = 420): string {
  const sideCategories = plot.y.categories;
  const left =
    sideCategories === undefined
      ? MARGIN.left
      : Math.min(24 + 6.5 * Math.max(...sideCategories.map((c) => c.length), 4), width / 3);
  const area = { x: left, y: MARGIN.top, w: width - left - MARGIN.right, h: 0 };
  area.h = height - MARGIN.top - MARGIN.bottom;
  const px = (v: number) => area.x + ((v - plot.x.min) / (plot.x.max - plot.x.min || 1)) * area.w;
  const py = (v: number) => area.y + ((plot.y.max - v) / (plot.y.max - plot.y.min || 1)) * area.h;
  const paint = (role: Role, opacity = 1, what: 'fill' | 'stroke' = 'fill'): string => {
    const c = parseColour(theme.colours[role]) ?? { r: 128, g: 128, b: 128, a: 1 };
    const alpha = c.a * opacity;
    const rgb = `#${[c.r, c.g, c.b].map((v) => Math.round(v).toString(16).padStart(2, '0')).join('')}`;
    return `${what}="${rgb}"${alpha < 1 ? ` ${what}-opacity="${n(alpha)}"` : ''}`;
  };
  const out: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="11" role="img">`,
    `<title>${xml(plot.title)}</title><desc>${xml(plot.summary)}</desc>`,
    `<rect width="${width}" height="${height}" ${paint('ground')}/>`,
    `<text x="${left}" y="20" font-size="13" font-weight="600" ${paint('text')}>${xml(plot.title)}</text>`,
    `<clipPath id="area"><rect x="${n(area.x)}" y="${n(area.y)}" width="${n(area.w)}" height="${n(area.h)}"/></clipPath>`,
    ...axisMarks(plot.x, (t) => {
      const at = n(px(t.value));
      return `<path d="M${at} ${n(area.y)}V${n(area.y + area.h)}" ${paint('grid', 0.3, 'stroke')}/><text x="${at}" y="${n(area.y + area.h + 15)}" text-anchor="middle" ${paint('dim')}>${xml(t.text)}</text>`;
    }),
    ...axisMarks(plot.y, (t) => {
      const at = n(py(t.value));
      return `<path d="M${n(area.x)} ${at}H${n(area.x + area.w)}" ${paint('grid', 0.3, 'stroke')}/><text x="${n(area.x - 6)}" y="${n(py(t.value) + 4)}" text-anchor="end" ${paint('dim')}>${xml(t.text)}</text>`;
    }),
    `<text x="${n(area.x + area.w / 2)}" y="${height - 10}" text-anchor="middle" ${paint('dim')}>${xml(plot.x.label)}</text>`,
    `<text transform="translate(13 ${n(area.y + area.h / 2)}) rotate(-90)" text-anchor="middle" ${paint('dim')}>${xml(plot.y.label)}</text>`,
    ...legend(),
    '<g clip-path="url(#area)">',
  ];
  for (const layer of plot.layers) out.push(draw(layer));
  out.push('</g></svg>\n');
  return out.join('\n');

  function legend(): string[] {
    let right = width - MARGIN.right;
    return legendOf(plot)
      .reverse()
      .map(({ name, colour, opacity, dashed }) => {
        // Letters are not measured here: 6.2 pixels is about the widest mean of 11-pixel fonts.
        right -= 6.2 * visible(name).length + 30;
        const mark = dashed
          ? `<path d="M${n(right)} 16h12" stroke-width="2" stroke-dasharray="5 2" ${paint(colour, opacity, 'stroke')}/>`
          : `<rect x="${n(right)}" y="11" width="10" height="10" rx="2" ${paint(colour, opacity)}/>`;
        return `${mark}<text x="${n(right + 16)}" y="20" ${paint('dim')}>${xml(name)}</text>`;
      });
  }

  function draw(layer: Layer): string {
    const opacity = layer.opacity ?? 1;
    switch (layer.type) {
      case 'bars': {
        const parts: string[] = [];
        for (let i = 0; i < layer.at.length; i++) {
          const at = layer.at[i] as number;
          const value = layer.value[i] as number;
          if (value === 0) continue;
          const fill = paint(layer.colourOf?.(at, value) ?? layer.colour, opacity);
          const [from, to] = [at - layer.width / 2, at + layer.width / 2];
          const [low, high] = [Math.min(0, value), Math.max(0, value)];
          // A hairline parts upright bars, as on screen.
          const [x, y, w, h] = layer.sideways
            ? [px(low), py(to), px(high) - px(low), py(from) - py(to)]
            : [px(from), py(high), Math.max(px(to) - px(from) - 0.5, 0.5), py(low) - py(high)];
          parts.push(`<rect x="${n(x)}" y="${n(y)}" width="${n(w)}" height="${n(h)}" ${fill}/>`);
        }
        return parts.join('');
      }
      case 'line': {
        let path = '';
        for (let i = 0; i < layer.x.length; i++) {
          path += `${i === 0 ? 'M' : 'L'}${n(px(layer.x[i] as number))} ${n(py(layer.y[i] as number))}`;
        }
        const dash = layer.dash ? ` stroke-dasharray="${layer.dash.join(' ')}"` : '';
        const stroke = layer.bare
          ? ''
          : `<path d="${path}" fill="none" stroke-width="${layer.width ?? 1.5}" stroke-linejoin="round"${dash} ${paint(layer.colour, opacity, 'stroke')}/>`;
        if (layer.fillTo === undefined || path === '') return stroke;
        const floor = n(py(layer.fillTo));
        const close = `V${floor}H${n(px(layer.x[0] as number))}Z`;
        return `<path d="${path}${close}" ${paint(layer.colour, layer.fillOpacity ?? 0.25)}/>${stroke}`;
      }
      case 'points': {
        const style = layer.hollow
          ? `fill="none" ${paint(layer.colour, opacity, 'stroke')}`
          : paint(layer.colour, opacity);
        const parts: string[] = [];
        for (let i = 0; i < layer.x.length; i++) {
          parts.push(
            `<circle cx="${n(px(layer.x[i] as number))}" cy="${n(py(layer.y[i] as number))}" r="${layer.radius}"/>`,
          );
        }
        return `<g ${style}>${parts.join('')}</g>`;
      }
      case 'density': {
        const { grid, box } = layer;
        const w = (px(box.xMax) - px(box.xMin)) / grid.columns;
        const h = (py(box.yMin) - py(box.yMax)) / grid.rows;
        const parts: string[] = [];
        for (let i = 0; i < grid.counts.length; i++) {
          const c = grid.counts[i] as number;
          if (c === 0) continue;
          const x = px(box.xMin) + (i % grid.columns) * w;
          const y = py(box.yMax) + Math.floor(i / grid.columns) * h;
          parts.push(
            `<rect x="${n(x)}" y="${n(y)}" width="${n(w)}" height="${n(h)}" fill-opacity="${n(opacity * cellOpacity(c, grid.peak))}"/>`,
          );
        }
        return `<g ${paint(layer.colour)}>${parts.join('')}</g>`;
      }
      case 'rule': {
        const dash = layer.dash ? ` stroke-dasharray="${layer.dash.join(' ')}"` : '';
        const line =
          layer.axis === 'x'
            ? `M${n(px(layer.value))} ${n(area.y)}V${n(area.y + area.h)}`
            : `M${n(area.x)} ${n(py(layer.value))}H${n(area.x + area.w)}`;
        const down = 12 * (layer.level ?? 0);
        const [tx, ty] =
          layer.axis === 'x'
            ? [px(layer.value) + 4, area.y + 11 + down]
            : [area.x + 4, py(layer.value) - 4];
        const label = layer.label
          ? `<text x="${n(tx)}" y="${n(ty)}" fill="${legible(theme.colours[layer.colour], theme.colours.ground, theme.colours.text)}">${xml(layer.label)}</text>`
          : '';
        return `<path d="${line}" fill="none"${dash} ${paint(layer.colour, opacity, 'stroke')}/>${label}`;
      }
      case 'diagonal': {
        const low = Math.max(plot.x.min, plot.y.min);
        const high = Math.min(plot.x.max, plot.y.max);
        if (low >= high) return '';
        return `<path d="M${n(px(low))} ${n(py(low))}L${n(px(high))} ${n(py(high))}" stroke-dasharray="2 4" ${paint(layer.colour, opacity, 'stroke')}/>`;
      }
    }
  }
}

interface Mark {
  readonly value: number;
  readonly text: string;
}

function axisMarks(axis: Axis, mark: (m: Mark) => string): string[] {
  if (axis.shown === false) return [];
  if (axis.categories !== undefined) {
    return axis.categories.map((text, value) => mark({ value, text }));
  }
  const places = ticks(axis.min, axis.max, 6);
  return places.map((value) =>
    mark({ value, text: axis.format?.(value) ?? tickText(value, places) }),
  );
}
