import { Column } from '../audit/index.js';
import type { RatedAttribute } from '../protocol/index.js';
import { measure, middleLevels, mixture, rearrange, type MeasureOptions } from '../qrm/index.js';
import type { RewardScore } from '../qrm/types.js';
import type { RatedItem } from './items/item.js';
import {
  constantQuantiles,
  judgeHead,
  means,
  spearman,
  type QuantileRows,
} from './statistics/index.js';

/** Labels of one attribute, as its files have them. */
class Attribute {
  /** Response of each entry. */
  readonly response: number[] = [];
  readonly labels: (readonly number[])[] = [];
  scale: [number, number] | undefined;
  /** Least and greatest label, where no file fixes a scale. */
  private range: [number, number] = [Infinity, -Infinity];
  fixed = false;

  add(response: number, labels: readonly number[], scale?: readonly [number, number]): void {
    this.response.push(response);
    this.labels.push(labels);
    for (const y of labels) this.range = [Math.min(this.range[0], y), Math.max(this.range[1], y)];
    if (scale === undefined) return;
    this.fixed = true;
    const old = this.scale ?? scale;
    this.scale = [Math.min(old[0], scale[0]), Math.max(old[1], scale[1])];
  }

  /** In [0, 1]. */
  scaled(): number[][] {
    const [min, max] = this.scale ?? this.range;
    return this.labels.map((ys) => ys.map((y) => (max > min ? (y - min) / (max - min) : 0)));
  }
}

/** Rated responses of all files, and their labels. */
export class RatedBoard {
  length = 0;
  readonly attributes = new Map<string, Attribute>();
  readonly prompt: string[] = [];
  /** File of each response. */
  readonly file: number[] = [];

  /** Numbers one response. @returns what is wrong with its labels */
  add(prompt: number, labels: RatedItem['responses'][number]['labels'], file: number): string[] {
    const problems: string[] = [];
    const i = this.length++;
    this.prompt.push(String(prompt));
    this.file.push(file);
    for (const [name, { values, scale }] of labels) {
      const numbers = values.map((v) => (typeof v === 'boolean' ? Number(v) : v));
      const bad = numbers.find((v) => typeof v !== 'number' || !Number.isFinite(v));
      const outside = scale && (numbers as number[]).find((v) => v < scale[0] || v > scale[1]);
      if (numbers.length === 0) problems.push(`${name}: the list of raters' labels is empty`);
      else if (bad !== undefined)
        problems.push(`${name}: found ${JSON.stringify(bad)}, expected a number`);
      else if (outside !== undefined)
        problems.push(`${name}: the label ${outside} is outside of ${scale!.join(' to ')}`);
      else {
        let attribute = this.attributes.get(name);
        if (attribute === undefined) this.attributes.set(name, (attribute = new Attribute()));
        attribute.add(i, numbers as number[], scale);
      }
    }
    return problems;
  }
}

/** What one model says of the rated responses, in columns. */
export class RatedScores {
  readonly expectation = new Column(Float64Array);
  readonly width = new Column(Float32Array);
  /** q_tau of the reward. */
  readonly tail = new Column(Float32Array);
  /** Sorted quantiles of the reward, and of each head that an attribute is named as, [responses, K]. */
  readonly reward = new Column(Float32Array);
  readonly heads = new Map<number, Column>();

  constructor(
    readonly attributes: readonly string[],
    readonly levels: readonly number[],
  ) {}

  /** The head for an attribute of the labels, by its name. */
  headOf(attribute: string): number | undefined {
    const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]+/g, '');
    const found = this.attributes.findIndex((name) => plain(name) === plain(attribute));
    return found < 0 ? undefined : found;
  }

  /** Takes a response's score. @param attributes that it has labels of */
  keep(i: number, score: RewardScore, options: MeasureOptions, attributes: Iterable<string>): void {
    const K = this.levels.length;
    const { expectation, spread, tail } = measure(score, this.levels, options);
    this.expectation.set(i, expectation);
    this.width.set(i, spread);
    this.tail.set(i, tail);
    const sorted = rearrange(mixture(score, options.weights));
    for (let k = 0; k < K; k++) this.reward.set(i * K + k, sorted[k]!);
    for (const name of attributes) {
      const m = this.headOf(name);
      if (m === undefined) continue;
      const head = this.head(m);
      for (let k = 0; k < K; k++) head.set(i * K + k, score.attributeQuantiles[m * K + k]!);
    }
  }

  head(m: number): Column {
    let column = this.heads.get(m);
    if (column === undefined) this.heads.set(m, (column = new Column(Float32Array)));
    return column;
  }
}

/** With what an interval of the correlations is drawn from. */
export interface RatedFigures extends Omit<RatedAttribute, 'disagreement'> {
  readonly disagreement?: {
    readonly responses: number;
    readonly width: number;
    readonly point: number;
    /** For every response with several raters: its width and the raters' variance, for whoever resamples. */
    readonly samples: { width: Float64Array; point: Float64Array; variance: Float64Array };
  };
}

/** Judges a model's rated responses by attribute. Responses without a score are left out. */
export function ratedFigures(board: RatedBoard, scores: RatedScores): RatedFigures[] {
  const out: RatedFigures[] = [];
  const { levels } = scores;
  const K = levels.length;
  for (const [name, attribute] of board.attributes) {
    const head = scores.headOf(name);
    const all = attribute.scaled();
    const known = attribute.response.flatMap((r, n) =>
      Number.isNaN(scores.expectation.get(r)) ? [] : [n],
    );
    if (known.length === 0) continue;
    const responses = known.map((n) => attribute.response[n]!);
    const labels = known.map((n) => all[n]!);
    const column = head === undefined ? scores.reward : scores.head(head);
    const data = new Float64Array(responses.length * K);
    responses.forEach((r, i) => {
      for (let k = 0; k < K; k++) data[i * K + k] = column.get(r * K + k);
    });
    const quantiles: QuantileRows = { rows: responses.length, columns: K, data };
    const groups = responses.map((r) => board.prompt[r]!);
    const rewards = responses.map((r) => scores.expectation.get(r));
    const mean = labels.map((ys) => ys.reduce((a, b) => a + b, 0) / ys.length);
    const several = labels.flatMap((ys, i) => (ys.length > 1 ? [i] : []));
    const expectation = head === undefined ? rewards : means(quantiles);
    out.push({
      attribute: name,
      predictedBy: head === undefined ? 'reward' : 'head',
      scale: attribute.scale ?? [Math.min(...mean), Math.max(...mean)],
      scaleKnown: attribute.fixed,
      figures: judgeHead(
        name,
        labels,
        groups,
        quantiles,
        constantQuantiles(labels, levels),
        levels,
      ),
      rewardRankCorrelation: spearman(rewards, mean),
      ...(several.length > 2 && {
        disagreement: disagreement(several, labels, expectation, (i) =>
          K === 1 ? Number.NaN : widthOf(data, i, levels),
        ),
      }),
    });
  }
  return out;
}

/** q95 - q05 of row i, at the levels next to them. */
function widthOf(data: Float64Array, i: number, levels: readonly number[]): number {
  const K = levels.length;
  const sorted = data.slice(i * K, (i + 1) * K).sort();
  const [low, high] = middleLevels(levels);
  return sorted[high]! - sorted[low]!;
}

function disagreement(
  several: readonly number[],
  labels: readonly (readonly number[])[],
  expectation: readonly number[],
  width: (i: number) => number,
): NonNullable<RatedFigures['disagreement']> {
  const variance = Float64Array.from(several, (i) => {
    const ys = labels[i]!;
    const mean = ys.reduce((a, b) => a + b, 0) / ys.length;
    return ys.reduce((sum, y) => sum + (y - mean) ** 2, 0) / (ys.length - 1);
  });
  const sorted = Float64Array.from(expectation).sort();
  const middle = sorted[Math.floor(sorted.length / 2)]!;
  const widths = Float64Array.from(several, width);
  const point = Float64Array.from(several, (i) => -Math.abs(expectation[i]! - middle));
  return {
    responses: several.length,
    width: spearman([...widths], [...variance]),
    point: spearman([...point], [...variance]),
    samples: { width: widths, point, variance },
  };
}
