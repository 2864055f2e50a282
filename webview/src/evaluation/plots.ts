import { percent } from '../../../server/src/evaluation/words.js';
import { count, decimals, type RowResult } from '../../../server/src/protocol/index.js';
import type { Layer, Plot } from '../charts/plot.js';
import type { Role } from '../charts/theme.js';

/** Of what surety is taken from, the margin first. */
const COLOURS: readonly Role[] = ['expectation', 'tail', 'other', 'rejected'];

const asPercent = (v: number): string => `${Math.round(100 * v)}`;

/** Accuracy when the least sure decisions are left open, by what surety is taken from. */
export function riskPlot({ name, abstention }: RowResult): Plot | undefined {
  if (abstention.length === 0) return undefined;
  const all = abstention.flatMap(({ curve }) => curve.map(({ accuracy }) => accuracy));
  const low = Math.max(0, Math.floor(20 * Math.min(...all)) / 20 - 0.01);
  const high = Math.min(1.02, Math.ceil(20 * Math.max(...all)) / 20 + 0.01);
  const layers = abstention.map(({ signal, curve }, n): Layer => ({
    type: 'line',
    name: signal,
    colour: COLOURS[n % COLOURS.length]!,
    x: curve.map((p) => p.coverage),
    y: curve.map((p) => p.accuracy),
    width: n === 0 ? 2.4 : 1.6,
  }));
  const words = abstention.map(
    ({ signal, area, curve }) =>
      `${signal}: area under the risk ${decimals(area)}, ${percent(curve[Math.floor(curve.length / 2) - 1]?.accuracy ?? NaN)} % right on the surer half, ${percent(curve.at(-1)?.accuracy ?? NaN)} % on all.`,
  );
  return {
    title: 'Accuracy against coverage',
    x: { label: 'share answered, the surest first (%)', min: 0, max: 1, format: asPercent },
    y: { label: 'right', min: low, max: high, format: asPercent },
    layers,
    summary: `Of ${name}, when the least sure pairs are left open. ${words.join(' ')}`,
  };
}

/** Share right by stated probability. */
export function reliabilityPlot({ name, reliability }: RowResult): Plot | undefined {
  if (reliability === undefined) return undefined;
  const bins = reliability.bins.filter((b) => b.count > 0);
  const most = Math.max(...bins.map((b) => b.count));
  const least = Math.min(0.4, ...bins.map((b) => b.accuracy - 0.03));
  const points = bins.map((b): Layer => ({
    type: 'points',
    name: `${count(b.count)} pairs`,
    colour: 'expectation',
    x: [b.confidence],
    y: [b.accuracy],
    radius: 3 + 6 * Math.sqrt(b.count / most),
  }));
  return {
    title: 'Reliability of P(preferred is better)',
    x: { label: 'stated probability (%)', min: 0.48, max: 1.02, format: asPercent },
    y: { label: 'right', min: least, max: 1.02, format: asPercent },
    layers: [
      { type: 'diagonal', colour: 'dim', label: 'calibrated' },
      {
        type: 'line',
        colour: 'expectation',
        opacity: 0.5,
        x: bins.map((b) => b.confidence),
        y: bins.map((b) => b.accuracy),
      },
      ...points,
    ],
    legend: false,
    note: `Expected calibration error ${decimals(reliability.ece)}; larger points hold more pairs`,
    summary: `Of ${name}: expected calibration error ${decimals(reliability.ece)}. ${bins
      .map(
        (b) =>
          `Stated ${percent(b.confidence)} %, right ${percent(b.accuracy)} % of ${count(b.count)} pairs.`,
      )
      .join(' ')}`,
  };
}
