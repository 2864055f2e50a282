import {
  extreme,
  FIGURES,
  figureMatrix,
  lambdaGrid,
  objectiveName,
  objectiveScores,
  PromptBootstrap,
  spreadWithin,
  tilt,
  type Estimate,
  type FigureName,
  type Objective,
  type SampleSet,
  type Tilted,
} from '../../../server/src/policy/index.js';
import { DEFAULT_CVAR_LEVEL, DEFAULT_TAU } from '../../../server/src/qrm/index.js';
import type { PolicySamples } from '../../../server/src/protocol/index.js';

const WIDTH = FIGURES.length;
/** Places of the path of beta. */
const PLACES = 13;
/** From this many times the spread of the means within prompts down to one of so many. */
const [WEAK, STRONG] = [8, 6];

/** A policy at one beta: means over prompts, corrected by leave-one-out. */
export interface PolicyPoint {
  readonly beta: number;
  readonly kl: number;
  readonly ess: number;
  readonly figures: Readonly<Record<FigureName, number>>;
}

export interface PolicyRow {
  readonly objective: Objective;
  readonly name: string;
  readonly point: PolicyPoint;
  /** Less the mean objective's, with 95 % by prompt; absent for itself. */
  readonly differences?: { readonly mean: Estimate; readonly q05: Estimate };
  /** Prompts whose best of n is another. */
  readonly changed: number;
}

/** A prompt whose best response is another by an objective than by the mean. */
export interface Change {
  readonly row: number;
  /** Sample numbers. */
  readonly byMean: number;
  readonly byObjective: number;
}

export class PolicyModel {
  readonly samples: SampleSet;
  readonly betas: readonly number[];
  /** The usual values: beta in the middle of the path, lambda where risk is felt and the mean counts. */
  readonly beta: number;
  readonly lambda: number;
  private readonly figures: Float64Array;
  private readonly bootstrap: PromptBootstrap;
  private readonly scores = new Map<string, Float64Array>();
  private readonly curves = new Map<string, PolicyPoint[]>();

  constructor(readonly source: PolicySamples) {
    const { levels, offsets, quantiles, tokens } = source;
    this.samples = {
      levels,
      attributes: [],
      offsets,
      quantiles,
      expectation: Float64Array.from(source.expectation),
      attributeMeans: new Float32Array(0),
      tokens,
    };
    this.figures = figureMatrix(this.samples, DEFAULT_CVAR_LEVEL, 0);
    this.bootstrap = new PromptBootstrap(offsets.length - 1);
    const spread = spreadWithin(this.samples, this.samples.expectation) || 1;
    this.betas = Array.from(
      { length: PLACES },
      (_, n) => spread * WEAK * (1 / (WEAK * STRONG)) ** (n / (PLACES - 1)),
    );
    this.beta = +spread.toPrecision(2);
    const grid = lambdaGrid(this.samples);
    this.lambda = grid[Math.floor(grid.length * 0.45)] ?? 1;
  }

  get prompts(): number {
    return this.source.offsets.length - 1;
  }

  /** The mean first; a model with one number a response has no other. */
  objectives(lambda: number): Objective[] {
    const mean: Objective = { kind: 'mean' };
    if (this.samples.levels.length === 1) return [mean];
    return [
      mean,
      { kind: 'ce', lambda },
      { kind: 'quantile', tau: DEFAULT_TAU },
      { kind: 'cvar', level: DEFAULT_CVAR_LEVEL },
    ];
  }

  private scoresOf(objective: Objective): Float64Array {
    const name = objectiveName(objective);
    const known = this.scores.get(name);
    if (known !== undefined) return known;
    // A slider goes through many lambdas: the last few are enough.
    if (this.scores.size > 16) this.scores.clear();
    const scores = objectiveScores(this.samples, objective);
    this.scores.set(name, scores);
    return scores;
  }

  private point(own: Tilted, beta: number): PolicyPoint {
    const P = this.prompts;
    const mean = (x: Float64Array, f: number, width: number): number => {
      let sum = 0;
      for (let p = 0; p < P; p++) sum += x[p * width + f] as number;
      return sum / P;
    };
    const figures = Object.fromEntries(
      FIGURES.map((name, f) => [name, mean(own.figures, f, WIDTH)]),
    );
    return {
      beta,
      kl: mean(own.kl, 0, 1),
      ess: mean(own.ess, 0, 1),
      figures: figures as Record<FigureName, number>,
    };
  }

  /** The reference: beta without end. */
  get reference(): PolicyPoint {
    return this.at({ kind: 'mean' }, Number.MAX_VALUE);
  }

  at(objective: Objective, beta: number): PolicyPoint {
    return this.point(tilt(this.samples, this.scoresOf(objective), beta, this.figures), beta);
  }

  /** From the reference on, by falling beta. */
  curve(objective: Objective): readonly PolicyPoint[] {
    const name = objectiveName(objective);
    const known = this.curves.get(name);
    if (known !== undefined) return known;
    if (this.curves.size > 16) this.curves.clear();
    const made = [this.reference, ...this.betas.map((beta) => this.at(objective, beta))];
    this.curves.set(name, made);
    return made;
  }

  rows(beta: number, lambda: number): PolicyRow[] {
    let base: Tilted | undefined;
    return this.objectives(lambda).map((objective) => {
      const own = tilt(this.samples, this.scoresOf(objective), beta, this.figures);
      const mean = (base ??= own);
      const less = (name: FigureName): Estimate => {
        const f = FIGURES.indexOf(name);
        const of = (a: Float64Array, b: Float64Array) => (p: number) =>
          a[p * WIDTH + f]! - b[p * WIDTH + f]!;
        return this.bootstrap.mean(
          of(own.figures, mean.figures),
          of(own.plugIn.figures, mean.plugIn.figures),
        );
      };
      return {
        objective,
        name: objectiveName(objective),
        point: this.point(own, beta),
        ...(own !== mean && { differences: { mean: less('mean'), q05: less('q05') } }),
        changed: this.changes(objective).length,
      };
    });
  }

  /** Prompts whose best of n is another response than the mean objective's, those that lose most mean first. */
  changes(objective: Objective): Change[] {
    const scores = this.scoresOf(objective);
    const { expectation } = this.samples;
    const byMean = extreme(this.samples, expectation, 'best');
    const best = extreme(this.samples, scores, 'best');
    const out: Change[] = [];
    best.forEach((own, p) => {
      const other = byMean[p]!;
      if (own !== other && scores[own] !== scores[other])
        out.push({ row: this.source.rows[p] ?? p, byMean: other, byObjective: own });
    });
    const cost = ({ byMean: m, byObjective: o }: Change): number =>
      expectation[m]! - expectation[o]!;
    return out.sort((a, b) => cost(b) - cost(a));
  }

  /** Mean and q05 of a sample. */
  figuresOf(sample: number): { mean: number; q05: number } {
    const at = sample * WIDTH;
    return {
      mean: this.figures[at + FIGURES.indexOf('mean')]!,
      q05: this.figures[at + FIGURES.indexOf('q05')]!,
    };
  }
}
