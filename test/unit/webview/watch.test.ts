import { describe, expect, it } from 'vitest';
import type { WatchMessage, WatchRollout, WatchStep } from '../../../server/src/protocol/index.js';
import { DRAWN, riskOf, WatchModel } from '../../../webview/src/watch/model.js';
import { lengthPlot, stepPlot, tailPlot } from '../../../webview/src/watch/plots.js';

const NONE = { reward: null, mean: null, q05: null, length: null, kl: null, entropy: null };
const step = (n: number, figures: Partial<WatchStep> = {}): WatchMessage => ({
  type: 'step',
  figures: { step: n, rollouts: 0, ...NONE, ...figures },
  alarms: [],
});
const rollout = (of: Partial<WatchRollout>): WatchRollout => ({
  ...{ step: 0, reward: null, mean: null, q05: null, length: null, text: '', place: '/a:1' },
  ...of,
});

describe('the view of a training', () => {
  it('takes the left tail for the risk, else the mean, else the reward', () => {
    expect(riskOf(rollout({ q05: 0, mean: 1, reward: 2 }))).toBe(0);
    expect(riskOf(rollout({ mean: 1, reward: 2 }))).toBe(1);
    expect(riskOf(rollout({ reward: 2 }))).toBe(2);
    expect(riskOf(rollout({}))).toBeNaN();
  });

  it('keeps the worst of all, the lowest first, whatever their order', () => {
    const model = new WatchModel();
    const risks = Array.from({ length: 200 }, (_, n) => ((n * 7919) % 200) / 10);
    model.take(risks.map((q05, n) => step(n, { worst: rollout({ q05 }) })));
    const found = model.worst.map(riskOf);
    expect(found).toEqual([...risks].sort((a, b) => a - b).slice(0, found.length));
    expect(found.length).toBeGreaterThanOrEqual(20);
  });

  it('draws every step of a short log, and means of neighbours of a long one', () => {
    const model = new WatchModel();
    model.take(Array.from({ length: 5 }, (_, n) => step(n, n === 3 ? {} : { q05: n * n })));
    expect(model.series('step', 'q05')).toEqual({ x: [0, 1, 2, 4], y: [0, 1, 4, 16] });
    const long = new WatchModel();
    const steps = 10 * DRAWN + 3;
    long.take(Array.from({ length: steps }, (_, n) => step(n, { kl: 2 * n })));
    const { x, y } = long.series('step', 'kl');
    expect(x.length).toBeLessThanOrEqual(DRAWN);
    expect(x.length).toBeGreaterThan(DRAWN / 2);
    // Of a straight line means of neighbours lie on the line.
    x.forEach((at, n) => expect(y[n]).toBeCloseTo(2 * at, 6));
    expect(x[0]).toBeLessThan(20);
    expect(x.at(-1)).toBeGreaterThan(steps - 20);
  });

  it('has charts of what the log has, and no others', () => {
    const model = new WatchModel();
    expect(tailPlot(model)).toBeUndefined();
    model.take([step(1, { reward: 0.5, kl: 0.1 }), step(2, { reward: 0.7, kl: 0.2 })]);
    expect(tailPlot(model)).toMatchObject({ title: 'Reward over steps' });
    expect(tailPlot(model)!.layers.map(({ name }) => name)).toEqual(['reward']);
    expect(lengthPlot(model)).toBeUndefined();
    expect(stepPlot(model, 'entropy', 'Entropy')).toBeUndefined();
    expect(stepPlot(model, 'kl', 'KL')!.layers).toMatchObject([{ x: [1, 2], y: [0.1, 0.2] }]);
    model.take([step(3, { mean: 1, q05: -1, length: 9 })]);
    expect(tailPlot(model)!.layers.map(({ name }) => name)).toEqual(['mean', 'q05']);
    expect(lengthPlot(model)).toBeDefined();
  });

  it('marks in the chart where an alarm began', () => {
    const model = new WatchModel();
    const alarm = { step: 2, kind: 'tail-falls', message: 'm' };
    model.take([step(1, { q05: 1 }), { type: 'step', figures: { step: 2, rollouts: 0, ...NONE, q05: 0 }, alarms: [alarm] }]); // prettier-ignore
    const rules = tailPlot(model)!.layers.filter(({ type }) => type === 'rule');
    expect(rules).toMatchObject([{ axis: 'x', value: 2 }]);
  });

  it.each([
    ['/runs/a b/r.jsonl:17', '/runs/a b/r.jsonl', 17],
    ['C:\\runs\\r.jsonl:3', 'C:\\runs\\r.jsonl', 3],
    ['https://a.example:8080/log:5', 'https://a.example:8080/log', 5],
  ])('knows the line of %s', (place, source, line) => {
    expect(WatchModel.placeOf(rollout({ place }))).toEqual({ source, line });
  });
});
