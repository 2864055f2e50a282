import { Column } from '../audit/index.js';
import type { JudgeFigures } from '../protocol/index.js';
import type { Place } from '../datasets/types.js';
import type { Measures } from '../qrm/index.js';
import { rb2Subset, tiesId, type TiesSample } from './suites/rewardbench2.js';
import { styleMatrix } from './suites/rm-bench.js';
import { suiteOf, type PreferenceSuite } from './suites/index.js';
import { WrongItems } from './items/wrong.js';

/** How a model's distribution is read into one score. */
export interface Reading {
  readonly name: string;
  of(measures: Measures): number;
}

export interface NewItem {
  readonly suite: PreferenceSuite;
  readonly subset: string;
  readonly id: string | undefined;
  /** Names the prompt. */
  readonly prompt: number;
  readonly file: number;
  readonly row: number;
  readonly place: Place;
  /** Characters of the first right and the first wrong response. */
  readonly rightLength: number;
  readonly wrongLength: number;
}

/** A part of a suite that is told apart, in the order of its first item. */
export interface Subset {
  readonly suite: PreferenceSuite;
  readonly name: string;
  items: number;
}

/** The items of all suites, in columns and in the order of their files: no text, about 60 bytes an item. */
export class Board {
  length = 0;
  readonly subsets: Subset[] = [];
  private readonly subsetIds = new Map<string, number>();
  private readonly prompts = new Map<number, number>();
  /** Samples of Ties: `ref` or `tied`, and the number of the prompt. */
  readonly ties = new Map<number, Pick<TiesSample, 'kind' | 'prompt'>>();
  readonly subset = new Column(Uint32Array);
  /** A number of the prompt, from 0 in the order of its first item. */
  readonly cluster = new Column(Uint32Array);
  readonly file = new Column(Uint32Array);
  readonly row = new Column(Uint32Array);
  readonly line = new Column(Uint32Array);
  readonly column = new Column(Uint32Array);
  readonly rightLength = new Column(Uint32Array);
  readonly wrongLength = new Column(Uint32Array);

  get clusters(): number {
    return this.prompts.size;
  }

  add(item: NewItem): number {
    const i = this.length++;
    const key = `${item.suite}\n${item.subset}`;
    let subset = this.subsetIds.get(key);
    if (subset === undefined) {
      subset = this.subsets.push({ suite: item.suite, name: item.subset, items: 0 }) - 1;
      this.subsetIds.set(key, subset);
    }
    this.subsets[subset]!.items++;
    this.subset.set(i, subset);
    const ties =
      item.suite === 'rewardbench-2' && rb2Subset(item.subset) === 'Ties'
        ? tiesId(item.id ?? '')
        : undefined;
    if (ties !== undefined) this.ties.set(i, ties);
    // Both samples of one prompt of Ties are one cluster, though their texts differ.
    const prompt = ties === undefined ? item.prompt : -1 - ties.prompt;
    let cluster = this.prompts.get(prompt);
    if (cluster === undefined) this.prompts.set(prompt, (cluster = this.prompts.size));
    this.cluster.set(i, cluster);
    this.file.set(i, item.file);
    this.row.set(i, item.row);
    this.line.set(i, item.place.line);
    this.column.set(i, item.place.column);
    this.rightLength.set(i, item.rightLength);
    this.wrongLength.set(i, item.wrongLength);
    return i;
  }

  suite(i: number): PreferenceSuite {
    return this.subsets[this.subset.get(i)]!.suite;
  }
}

/** What one row of the table earned on each item, under each reading of its distributions. */
export class Contender {
  /** Credit by reading, [readings] columns of [items]. */
  readonly credit: readonly Column[];
  /** Under the first reading: the best right score less the best wrong one; NaN where unscored. */
  readonly margin = new Column(Float64Array);
  /** P(the preferred response is better), 1/2 to 1, of the item's main decision. */
  readonly confidence = new Column(Float32Array);
  /** q95 - q05 of the wider of the two responses that the decision is between. */
  readonly width = new Column(Float32Array);
  /** RM-Bench's matrices by reading, set for its items alone. */
  readonly styles: readonly Column[];
  /** Samples of Ties under each reading. */
  readonly ties = new Map<number, TiesSample[]>();
  /** Items with a score missing or not a number; items whose best right and wrong scores are equal. */
  unscored = 0;
  tied = 0;
  /** Responses that were cut to the model's longest text. */
  truncated = 0;
  responses = 0;
  readonly reasons = new Map<string, number>();
  /** Of a judge, once it is done. */
  judge: JudgeFigures | undefined;
  readonly wrong = new WrongItems();

  constructor(
    readonly name: string,
    /** What kind of row of the paper's Table 1. */
    readonly kind: string,
    readonly readings: readonly Pick<Reading, 'name'>[],
    /** False: one number a response, so that nothing but the first reading is there. */
    readonly distribution: boolean,
  ) {
    this.credit = readings.map(() => new Column(Float64Array));
    this.styles = readings.map(() => new Column(Uint32Array));
  }

  /** Takes what a judge made of an item. @param scores marks, or games won, of right responses first */
  takeJudged(
    board: Board,
    i: number,
    right: number,
    { credit, scores, styles }: { credit: number; scores: readonly number[]; styles?: number },
  ): void {
    const ties = board.ties.get(i);
    const [good, bad] = [scores.slice(0, right), scores.slice(right)];
    this.credit[0]!.set(i, credit);
    if (board.suite(i) === 'rm-bench') this.styles[0]!.set(i, styles ?? styleMatrix(good, bad));
    if (ties !== undefined) this.ties.set(i, [tiesSample(ties, good, bad)]);
    // More than half a point is right, half of one a tie.
    this.margin.set(i, credit - 0.5);
    this.confidence.set(i, Number.NaN);
    this.width.set(i, Number.NaN);
  }

  /**
   * Takes an item's scores.
   * @param scores by reading: of the right responses, then of the wrong ones; NaN where there is none
   */
  take(
    board: Board,
    i: number,
    right: number,
    scores: readonly (readonly number[])[],
    decision: { confidence: number; width: number },
  ): void {
    const suite = suiteOf(board.suite(i));
    const ties = board.ties.get(i);
    const styled = board.suite(i) === 'rm-bench';
    const samples: TiesSample[] = [];
    scores.forEach((all, r) => {
      const [good, bad] = [all.slice(0, right), all.slice(right)];
      if (styled) this.styles[r]!.set(i, styleMatrix(good, bad));
      if (ties === undefined) this.credit[r]!.set(i, suite.credit(good, bad));
      else {
        const sample = tiesSample(ties, good, bad);
        samples.push(sample);
        this.credit[r]!.set(i, sample.worstCorrect > sample.bestIncorrect ? 1 : 0);
      }
    });
    if (ties !== undefined) this.ties.set(i, samples);
    const first = scores[0] ?? [];
    const margin = Math.max(...first.slice(0, right)) - Math.max(...first.slice(right));
    this.margin.set(i, margin);
    if (first.some(Number.isNaN)) this.unscored++;
    else if (margin === 0) this.tied++;
    this.confidence.set(i, decision.confidence);
    this.width.set(i, decision.width);
  }
}

const tiesSample = (
  of: Pick<TiesSample, 'kind' | 'prompt'>,
  good: readonly number[],
  bad: readonly number[],
): TiesSample => ({
  ...of,
  correct: good.length,
  bestCorrect: Math.max(...good),
  worstCorrect: Math.min(...good),
  bestIncorrect: Math.max(...bad),
});
