import { decimals } from '../../protocol/index.js';
import { fit, pad, strictJson } from '../../audit/report/index.js';
import { textPlot } from '../report/plot.js';
import type { Watch, WatchEvent } from './index.js';
import { riskOf, type Alarm, type Rollout, type StepFigures } from './monitor.js';

export interface Terminal {
  readonly columns: number;
  readonly colour: boolean;
}

const known = (x: number, write: (x: number) => string): string =>
  Number.isNaN(x) ? '–' : write(x);
const COLUMNS: readonly (readonly [keyof StepFigures & string, number, (x: number) => string])[] = [
  ['step', 7, String],
  ['rollouts', 9, String],
  ['reward', 9, decimals],
  ['mean', 8, decimals],
  ['q05', 8, decimals],
  ['length', 8, (x) => x.toFixed(1)],
  ['kl', 8, decimals],
  ['entropy', 8, decimals],
];
const SMALL = { high: 8, write: String };
/** Lines between two headings. */
const PAGE = 30;

/** Steps as they come, each with its worst rollout, and alarms. */
export class StepTable {
  private rows = 0;

  constructor(private readonly terminal: Terminal) {}

  private ink(style: '1' | '2' | '31', text: string): string {
    return this.terminal.colour ? `\x1b[${style}m${text}\x1b[0m` : text;
  }

  *lines(event: WatchEvent): Generator<string> {
    if (event.type === 'note') yield event.message;
    if (event.type !== 'step') return;
    if (this.rows++ % PAGE === 0)
      yield this.ink(
        '2',
        `${COLUMNS.map(([name, w]) => name.padStart(w)).join('')}   worst rollout`,
      );
    const { figures, alarms } = event;
    const cells = COLUMNS.map(([name, w, write]) => {
      const value = figures[name];
      return known(typeof value === 'number' ? value : Number.NaN, write).padStart(w);
    }).join('');
    const { worst } = figures;
    const room = this.terminal.columns - cells.length - 3;
    const said =
      worst && room > 20 ? `   ${fit(`${decimals(riskOf(worst))} ${worst.text}`, room)}` : '';
    yield cells + this.ink('2', said);
    for (const alarm of alarms) yield this.ink('31', alarmLine(alarm));
  }
}

const alarmLine = ({ step, kind, message }: Alarm): string =>
  `  ▲ step ${step}: ${message} (${kind})`;

/** The whole of it, at the end: curves, alarms, the worst rollouts. */
export function* summary(
  { monitor, lines, notUnderstood, scored }: Watch,
  o: Terminal,
): Generator<string> {
  const ink = (style: string, s: string): string => (o.colour ? `\x1b[${style}m${s}\x1b[0m` : s);
  const steps = [...monitor.steps.values()].sort((a, b) => a.step - b.step);
  yield '';
  if (steps.length === 0) {
    yield `Nothing of a training in ${lines} lines; expected JSON with step, reward, completion, q05, kl`;
    return;
  }
  const curve = (name: 'mean' | 'reward' | 'q05') =>
    steps.map((s) => [s.step, s[name]] as const).filter(([, y]) => Number.isFinite(y));
  const mean = curve('mean');
  const high = mean.length > 0 ? mean : curve('reward');
  const low = curve('q05');
  for (const [title, points] of [
    [mean.length > 0 ? 'Mean' : 'Reward', high],
    ['Left tail (q05)', low],
  ] as const) {
    if (points.length < 2) continue;
    yield ink('1', `${title} over steps`);
    for (const line of textPlot([{ mark: '·', points }], 'step', '', SMALL)) yield `  ${line}`;
    yield '';
  }
  yield ink('1', monitor.alarms.length === 0 ? 'No alarm' : 'Alarms');
  for (const alarm of monitor.alarms) yield ink('31', alarmLine(alarm));
  if (monitor.worst.length > 0) {
    yield '';
    yield ink('1', 'The worst rollouts');
    for (const r of monitor.worst) yield* worst(r, o.columns);
  }
  yield '';
  if (scored > 0) yield `${scored} rollouts without a left tail in the log were scored here`;
  if (notUnderstood > 0) yield `${notUnderstood} of ${lines} lines say nothing of a training`;
}

function* worst(r: Rollout, columns: number): Generator<string> {
  const head = `${decimals(riskOf(r)).padStart(9)}  step ${r.step}`;
  yield `${pad(head, 24)}${r.place}`;
  yield `           ${fit(r.text, columns - 12)}`;
}

/** An event as a line of JSON; unknown figures are null. */
export function eventJson(event: WatchEvent): string {
  return strictJson(event, undefined);
}
