type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;
type Child = Node | string | undefined;

/**
 * An element with attributes and children. Strings become text nodes and are never parsed; `false` and
 * `undefined` leave an attribute out. No `style`: the page's policy forbids it in markup, and sizes
 * are set through the CSSOM.
 */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((c) => c !== undefined));
  return element;
}

export function button(
  label: string,
  icon: IconName | undefined,
  onClick: () => void,
  attributes: Attributes = {},
): HTMLButtonElement {
  const b = el('button', { type: 'button', ...attributes });
  if (icon !== undefined) b.append(svgIcon(icon));
  if (attributes['aria-label'] === undefined) b.append(el('span', {}, label));
  b.addEventListener('click', onClick);
  return b;
}

const PATHS = {
  download: 'M8 2v8M4.5 7 8 10.5 11.5 7M3 13.5h10',
  close: 'm4 4 8 8m0-8-8 8',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9Zm3.3-1.2L14 14',
  open: 'M9 2.5H3.5v11H12V6M9 2.5 12 6M9 2.5V6h3',
  detail: 'M2 13.5h12M3 13c2 0 2.5-9 5-9s3 9 5 9',
  play: 'M4.5 2.8v10.4L13 8Z',
  stop: 'M4 4h8v8H4z',
  error: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM5.8 5.8l4.4 4.4m0-4.4-4.4 4.4',
  warning: 'M8 2.2 14.2 13.5H1.8ZM8 6.3v3.4M8 11.4v.6',
  info: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 7.2V11M8 4.8v.7',
  none: 'M8 8.5v-1',
  reset: 'M3 8a5 5 0 1 0 1.6-3.7M3 2.5V5h2.6',
  up: 'm3.5 10 4.5-4.5 4.5 4.5',
  down: 'M3.5 6 8 10.5 12.5 6',
} as const;
export type IconName = keyof typeof PATHS;

const SVG = 'http://www.w3.org/2000/svg';
/** A 16-pixel line icon in the text's colour, hidden from screen readers. */
export function svgIcon(name: IconName, className = ''): SVGSVGElement {
  const icon = document.createElementNS(SVG, 'svg');
  const path = document.createElementNS(SVG, 'path');
  icon.setAttribute('viewBox', '0 0 16 16');
  icon.setAttribute('class', `icon ${className}`.trim());
  icon.setAttribute('aria-hidden', 'true');
  path.setAttribute('d', PATHS[name]);
  icon.append(path);
  return icon;
}

/** Runs at most once a frame, after the last of the calls that came together. */
export function perFrame(run: () => void): () => void {
  let queued = false;
  return () => {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => {
      queued = false;
      run();
    });
  };
}

const LONGEST_PAUSE_MS = 1500;

/**
 * Runs at most once every so many milliseconds: at once, then for the last call of each interval. What
 * is slow runs less often, so that it takes about a quarter of the time; but one slow draw (a window that was
 * hidden, a machine that was busy) stops no more than LONGEST_PAUSE_MS.
 */
export function throttled(run: () => void, milliseconds: number): () => void {
  let next = Number.NEGATIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    if (timer !== undefined) return;
    const wait = Math.max(next - performance.now(), 0);
    timer = setTimeout(() => {
      timer = undefined;
      const start = performance.now();
      run();
      const end = performance.now();
      next = end + Math.max(milliseconds, Math.min(3 * (end - start), LONGEST_PAUSE_MS));
    }, wait);
  };
}

/** Runs when the calls have paused. */
export function debounced(run: () => void, milliseconds: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(run, milliseconds);
  };
}
