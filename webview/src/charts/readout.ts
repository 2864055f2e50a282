import type { ActiveElement } from 'chart.js';
import type { PlotChart } from './plot-chart.js';

/**
 * Reads a chart out point by point: arrows move along x (Shift: ten points), Home and End go to the
 * ends, Escape leaves. Shows the tooltip that the pointer would and says the same.
 */
export function addReadout(
  canvas: HTMLCanvasElement,
  chart: () => PlotChart,
  isNamed: (dataset: number) => boolean,
  say: (text: string) => void,
): void {
  let at = -1;
  const show = (elements: ActiveElement[]): void => {
    const c = chart();
    const [first] = elements;
    const place = { x: first?.element.x ?? 0, y: first?.element.y ?? 0 };
    c.setActiveElements(elements);
    c.tooltip?.setActiveElements(elements, place);
    c.update('none');
    const lines = c.tooltip?.body.flatMap((b) => b.lines) ?? [];
    if (elements.length > 0) say([...(c.tooltip?.title ?? []), ...lines].join(', '));
  };
  const elementsAt = (index: number): ActiveElement[] => {
    const c = chart();
    const named = c.data.datasets.map((_, d) => d).filter(isNamed);
    const [lead] = named;
    const point = lead === undefined ? undefined : c.data.datasets[lead]?.data[index];
    if (point === undefined) return [];
    const along = c.options.indexAxis === 'y' ? 'y' : 'x';
    return named.map((datasetIndex) => {
      const data = c.data.datasets[datasetIndex]?.data ?? [];
      // Curves need not have their points at the same places.
      let best = 0;
      data.forEach((p, i) => {
        const off = (q: typeof p | undefined) =>
          Math.abs(Number(q?.[along]) - Number(point[along]));
        if (off(p) < off(data[best])) best = i;
      });
      const element = c.getDatasetMeta(datasetIndex).data[best];
      return { datasetIndex, index: best, element: element as ActiveElement['element'] };
    });
  };
  canvas.addEventListener('keydown', (e) => {
    const c = chart();
    const lead = c.data.datasets.findIndex((_, d) => isNamed(d));
    const last = (c.data.datasets[lead]?.data.length ?? 0) - 1;
    if (last < 0 || e.altKey || e.ctrlKey || e.metaKey) return;
    const step = e.shiftKey ? 10 : 1;
    if (e.key === 'ArrowRight' || e.key === 'ArrowDown') at = Math.min(at + step, last);
    else if (e.key === 'ArrowLeft' || e.key === 'ArrowUp')
      at = at < 0 ? last : Math.max(at - step, 0);
    else if (e.key === 'Home') at = 0;
    else if (e.key === 'End') at = last;
    else if (e.key === 'Escape' && at >= 0) at = -1;
    else return;
    e.preventDefault();
    show(at < 0 ? [] : elementsAt(at));
  });
  canvas.addEventListener('blur', () => {
    if (at >= 0) show([]);
    at = -1;
  });
}
