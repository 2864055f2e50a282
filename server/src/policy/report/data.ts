import { strictJson } from '../../audit/report/index.js';
import { FIGURES, type Estimate, type Figures, type Point } from '../index.js';
import { conclusions, notes, type PolicyReport } from './words.js';

/** The whole preview; numbers that are not known are null. */
export function* jsonReport(report: PolicyReport): Generator<string> {
  const { preview, leftOut, files, model, version } = report;
  const known = (e: Estimate) =>
    [e.value, e.low, e.high].map((x) => (Number.isFinite(x) ? x : null));
  const figures = (f: Figures) => Object.fromEntries(FIGURES.map((name) => [name, known(f[name])]));
  const point = (p: Point) => ({
    ...(p.beta !== undefined && { beta: p.beta }),
    ...(p.k !== undefined && { k: p.k }),
    kl: known(p.kl),
    ess: p.ess,
    prompts: p.prompts,
    figures: figures(p.figures),
    ...(p.gains && { gains: figures(p.gains) }),
    ...(p.differences && { differences: figures(p.differences) }),
    ...(p.plugIn && { plugIn: p.plugIn }),
  });
  const { objectives, scan, reference, ...rest } = preview;
  yield strictJson(
    {
      tool: { name: 'qrm', version },
      model,
      files,
      ...rest,
      leftOut,
      notes: notes(report),
      /** Estimates are [value, low, high] of a 95 % interval by prompt. */
      reference: point(reference),
      objectives: objectives.map((o) => ({
        name: o.name,
        changed: o.changed,
        atBudget: o.atBudget ? point(o.atBudget) : null,
        path: o.path.map(point),
        bestOf: o.bestOf.map(point),
      })),
      scan: {
        best: scan.best ?? null,
        bestIsSure: scan.bestIsSure ?? null,
        costsFrom: scan.costsFrom ?? null,
        points: scan.points.map(({ lambda, gainPerNat, point: p }) => ({
          lambda,
          gainPerNat: known(gainPerNat),
          ...point(p),
        })),
      },
      conclusions: conclusions(report),
    },
    1,
  );
}

/** A row for every policy: `method` says how it was made. */
export function* csvReport({ preview }: PolicyReport): Generator<string> {
  const triple = (name: string) => [name, `${name}_low`, `${name}_high`];
  yield [
    'method',
    'objective',
    'beta',
    'k',
    'lambda',
    ...triple('kl'),
    'ess',
    'prompts',
    ...FIGURES.flatMap(triple),
    ...['mean', 'q05', 'cvar'].flatMap((f) => triple(`${f}_less_mean_objective`)),
  ].join(',');
  const number = (x: number | undefined): string =>
    x === undefined || !Number.isFinite(x) ? '' : String(x);
  const cells = (e: Estimate | undefined) => [number(e?.value), number(e?.low), number(e?.high)];
  const row = (method: string, objective: string, p: Point, lambda?: number): string => {
    const { differences: d } = p;
    return [
      method,
      // Quoted whatever it holds; no objective begins like a formula.
      `"${objective.replaceAll('"', '""')}"`,
      number(p.beta),
      number(p.k),
      number(lambda),
      ...cells(p.kl),
      number(p.ess),
      number(p.prompts),
      ...FIGURES.flatMap((f) => cells(p.figures[f])),
      ...[d?.mean, d?.q05, d?.cvar].flatMap(cells),
    ].join(',');
  };
  yield row('reference', '', preview.reference);
  for (const { name, path, atBudget, bestOf } of preview.objectives) {
    for (const p of path) yield row('path', name, p);
    if (atBudget) yield row('budget', name, atBudget);
    for (const p of bestOf) yield row('best-of', name, p);
  }
  for (const { lambda, point } of preview.scan.points)
    yield row('scan', `ce(lambda=${lambda})`, point, lambda);
}
