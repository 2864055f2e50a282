import { count, fine } from '../../protocol/index.js';
import { fit, visible } from '../../audit/report/index.js';
import type { ObjectivePreview, Point } from '../index.js';
import { bar, textPlot } from './plot.js';
import {
  conclusions,
  difference,
  written,
  headings,
  nats,
  notes,
  short,
  sure,
  title,
  type PolicyReport,
} from './words.js';

const INK = { bold: '1', dim: '2', good: '32', bad: '31' } as const;
type Ink = (style: keyof typeof INK, text: string) => string;
const NAME = 22;

/** For people at a terminal. */
export function* textReport(
  report: PolicyReport,
  options: { columns: number; colour: boolean },
): Generator<string> {
  const ink: Ink = (style, s) => (options.colour ? `\x1b[${INK[style]}m${s}\x1b[0m` : s);
  const { preview, levels } = report;
  yield '';
  yield ink('bold', title(report));
  for (const note of notes(report)) yield ink('dim', `  ${note}.`);
  if (preview.prompts === 0) return;
  yield '';
  yield ink(
    'bold',
    `Trained on each objective, at ${nats(preview.budget)} of KL from the reference (beta solved for it)`,
  );
  yield '';
  yield* table(report, ink);
  yield '';
  yield* differences(report, ink);
  if (levels > 1) yield* frontier(report, ink);
  yield* bestOfTable(report, ink);
  if (levels > 1) yield* scanTable(report, ink);
  yield '';
  for (const sentence of conclusions(report)) yield* wrap(sentence, Math.min(options.columns, 100));
  yield '';
}

const name = (text: string): string => fit(visible(text), NAME - 1).padEnd(NAME);

function* table(report: PolicyReport, ink: Ink): Generator<string> {
  const columns = headings(report).filter(([n]) => !['q10', 'q20'].includes(n));
  const widths = columns.map(([, head]) => Math.max(head.length, 7) + 2);
  const head = columns.map(([, h], n) => h.padStart(widths[n]!)).join('');
  yield ink('dim', `  ${name('objective')}${'beta'.padStart(9)}${'ESS'.padStart(7)}${head}`);
  const row = (label: string, p: Point): string => {
    const cells = columns.map(([f], n) => written(f, p.figures[f].value).padStart(widths[n]!));
    const beta = p.beta === undefined ? '' : short(p.beta);
    return `  ${name(label)}${beta.padStart(9)}${p.ess.toFixed(1).padStart(7)}${cells.join('')}`;
  };
  yield row('(reference)', report.preview.reference);
  for (const o of report.preview.objectives) {
    if (o.atBudget) yield row(o.name, o.atBudget);
    else yield `  ${name(o.name)}${'no beta has this KL: its scores tie'.padStart(40)}`;
  }
}

/** Against the mean objective: what pessimism costs and gains. */
function* differences(report: PolicyReport, ink: Ink): Generator<string> {
  const others = report.preview.objectives.filter(({ atBudget }) => atBudget?.differences);
  if (others.length === 0) return;
  const tail = report.levels > 1;
  yield ink(
    'dim',
    `  ${name('less the mean’s')}${'mean'.padStart(28)}${tail ? 'q05'.padStart(28) : ''}${tail ? 'CVaR'.padStart(28) : ''}   other best of n`,
  );
  for (const { name: label, atBudget, changed } of others) {
    const d = atBudget!.differences!;
    const cell = (e: typeof d.mean): string => {
      const text = difference(e).padStart(28);
      return sure(e) ? ink(e.value > 0 ? 'good' : 'bad', text) : text;
    };
    const share = `${((100 * changed) / report.preview.prompts).toFixed(1)} % of prompts`;
    yield `  ${name(label)}${cell(d.mean)}${tail ? cell(d.q05) + cell(d.cvar) : ''}   ${share}`;
  }
}

/** Letters for the curves of the plot: the first of each name that is free. */
function marks(objectives: readonly ObjectivePreview[]): string[] {
  const used = new Set<string>();
  return objectives.map(({ name }) => {
    const letter = [...name.replace(/[^a-z]/g, ''), ...'abcdefghijklmnopqrstuvwxyz'].find(
      (c) => !used.has(c),
    );
    used.add(letter ?? '?');
    return letter ?? '?';
  });
}

function* frontier(report: PolicyReport, ink: Ink): Generator<string> {
  const { objectives, reference } = report.preview;
  const letters = marks(objectives);
  const at = (p: Point) => [p.figures.mean.value, p.figures.q05.value] as const;
  const curves = objectives.map(({ path, atBudget }, n) => ({
    mark: letters[n]!,
    points: path.map(at),
    ...(atBudget && { main: at(atBudget) }),
  }));
  const lines = textPlot(
    [{ mark: 'o', points: [], main: at(reference) }, ...curves],
    'mean',
    'q05',
  );
  if (lines.length === 0) return;
  yield '';
  const kls = objectives[0]?.path.map((p) => short(p.kl.value)) ?? [];
  yield ink('bold', 'Left tail against mean, as KL grows');
  const key = objectives.map(({ name: n }, i) => `${letters[i]!} ${visible(n)}`).join('  ');
  yield ink('dim', `  O reference  ${key}  * several  capitals: ${nats(report.preview.budget)}`);
  yield ink('dim', `  points at ${kls.join(', ')} nats`);
  yield '';
  for (const line of lines) yield `  ${line}`;
}

function* bestOfTable(report: PolicyReport, ink: Ink): Generator<string> {
  const { objectives, prompts } = report.preview;
  const ks = objectives[0]?.bestOf ?? [];
  if (ks.length === 0) return;
  yield '';
  yield ink('bold', 'Best of k (mean, q05; exact over all subsets of k)');
  yield '';
  const wide = 18;
  const shown =
    ks.length <= 4
      ? ks
      : [...ks.filter(({ k }) => Number.isInteger(Math.log2(k!))), ks.at(-1)!]
          .filter((p, n, all) => all.indexOf(p) === n)
          .slice(-4);
  yield ink('dim', `  ${name('k')}${shown.map(({ k }) => `${k}`.padStart(wide)).join('')}`);
  yield ink(
    'dim',
    `  ${name('KL in nats')}${shown.map((p) => p.kl.value.toFixed(2).padStart(wide)).join('')}`,
  );
  if (shown.some((p) => p.prompts < prompts))
    yield ink(
      'dim',
      `  ${name('prompts')}${shown.map((p) => count(p.prompts).padStart(wide)).join('')}`,
    );
  for (const { name: label, bestOf } of objectives) {
    const cells = shown.map(({ k }) => {
      const p = bestOf.find((b) => b.k === k);
      if (p === undefined) return ''.padStart(wide);
      const { mean, q05 } = p.figures;
      const text =
        report.levels > 1
          ? `${written('mean', mean.value)}, ${written('q05', q05.value)}`
          : written('mean', mean.value);
      return text.padStart(wide);
    });
    yield `  ${name(label)}${cells.join('')}`;
  }
}

function* scanTable(report: PolicyReport, ink: Ink): Generator<string> {
  const { scan, budget } = report.preview;
  if (scan.points.length < 2) return;
  yield '';
  yield ink(
    'bold',
    `Risk aversion: what q05 gains a nat of KL, trained on ce(lambda), at ${nats(budget)}`,
  );
  yield '';
  const most = Math.max(...scan.points.map((p) => p.gainPerNat.value));
  yield ink(
    'dim',
    `  ${'lambda'.padStart(8)}${'q05 a nat'.padStart(11)}  ${''.padEnd(20)}${'mean − mean’s'.padStart(28)}${'q05 − mean’s'.padStart(28)}`,
  );
  for (const { lambda, gainPerNat, point } of scan.points) {
    const d = point.differences;
    const cells =
      d && lambda > 0 ? difference(d.mean).padStart(28) + difference(d.q05).padStart(28) : '';
    const line = `  ${String(lambda).padStart(8)}${fine(gainPerNat.value).padStart(11)}  ${bar(gainPerNat.value / most, 20).padEnd(20)}${cells}`;
    yield lambda === scan.best ? ink('bold', line.trimEnd()) : line.trimEnd();
  }
}

function* wrap(text: string, columns: number): Generator<string> {
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      yield line;
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  yield line;
}
