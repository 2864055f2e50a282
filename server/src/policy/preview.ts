import { DEFAULT_TAU } from '../qrm/index.js';
import { bestOf, extreme } from './best-of.js';
import { PromptBootstrap } from './bootstrap.js';
import { commonQuantile, figureMatrix, weightedFigures } from './figures.js';
import { MEAN, objectiveName, objectiveScores, type Objective } from './objectives.js';
import { pointOf, type Point } from './point.js';
import { promptsOf, sizeOf, sizes, type SampleSet } from './samples.js';
import { lambdaGrid, scanOf, type LambdaScan } from './scan.js';
import { BetaSolver } from './solve.js';
import { tilt, type PromptEstimates } from './tilting.js';

export interface PreviewOptions {
  /** Compared with the mean objective, which is always there and first. */
  readonly objectives: readonly Objective[];
  /** The KL at which objectives are compared, in nats; default `defaultBudget`. */
  readonly budget?: number;
  /** Explicit betas, the same for every objective, in place of those that have a KL of `KLS`. */
  readonly betas?: readonly number[];
  /** Risk aversions looked through; default `lambdaGrid`. */
  readonly lambdas?: readonly number[];
  /** Of CVaR. */
  readonly cvarLevel: number;
  /** Of `below`; default what 5 % of the reference's rewards are below. */
  readonly threshold?: number;
  readonly seed?: number;
}

export interface ObjectivePreview {
  readonly name: string;
  readonly objective: Objective;
  /** Tilts, by rising KL. */
  readonly path: readonly Point[];
  /** The tilt whose KL is the budget; absent where no beta has it. */
  readonly atBudget?: Point;
  /** Best-of-k for k = 2, 3, 4, 6, 8, 12, … n. */
  readonly bestOf: readonly Point[];
  /** Prompts whose best of n is another response than the mean objective's. */
  readonly changed: number;
}

export interface PolicyPreview {
  readonly prompts: number;
  readonly responses: number;
  readonly samples: { readonly least: number; readonly median: number; readonly most: number };
  readonly weighted: boolean;
  readonly budget: number;
  readonly threshold: number;
  readonly cvarLevel: number;
  readonly reference: Point;
  readonly objectives: readonly ObjectivePreview[];
  readonly scan: LambdaScan;
}

/** KLs of the path, in nats: those of a training run that is still near its reference. */
const KLS = [0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3, 4];
const KS = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024];

/**
 * Half of what n samples can tell, log n, and at most 1 nat: there about n exp(-KL) of them still carry weight.
 */
export const defaultBudget = (samples: SampleSet): number =>
  Math.min(1, Math.round(50 * Math.log(sizes(samples).median)) / 100);

/**
 * What training on each objective would do to the policy that gave the samples. Yields how much is done, from 0 to 1,
 * between steps of some ten milliseconds a hundred thousand responses, and returns the whole.
 * @throws RangeError when an objective names what the model has not
 */
export function* previewing(
  samples: SampleSet,
  options: PreviewOptions,
): Generator<number, PolicyPreview> {
  const threshold = options.threshold ?? commonQuantile(samples, DEFAULT_TAU);
  const budget = options.budget ?? defaultBudget(samples);
  const figures = figureMatrix(samples, options.cvarLevel, threshold);
  const bootstrap = new PromptBootstrap(promptsOf(samples), options.seed);
  const { median, most, least } = sizes(samples);
  const reference = referenceOf(samples, figures);
  const objectives = withMean(options.objectives);
  const kls = KLS.filter((kl) => kl < 0.75 * Math.log(median));
  const ks = [...new Set([...KS.filter((k) => k < most), most])].filter(
    (k) => enough(samples, k) || k === least,
  );
  const lambdas = options.lambdas ?? lambdaGrid(samples);
  const parts =
    objectives.length * ((options.betas ?? kls).length + 1 + ks.length) + lambdas.length;
  let done = 0;
  const step = (): number => Math.min(++done / parts, 1);
  const meanOf = new Map<string, PromptEstimates>();
  /** The mean objective is first: the others are compared with what it has at the same place. */
  const point = (name: string, own: PromptEstimates, at: Pick<Point, 'beta' | 'k'>): Point => {
    if (!meanOf.has(name)) meanOf.set(name, own);
    return pointOf(bootstrap, own, at, reference, meanOf.get(name));
  };
  const meanBest = extreme(samples, samples.expectation, 'best');
  const out: ObjectivePreview[] = [];
  for (const objective of objectives) {
    const scores = objectiveScores(samples, objective);
    const solver = new BetaSolver(samples, scores);
    const tilted = (name: string, beta: number | undefined): Point[] =>
      beta === undefined ? [] : [point(name, tilt(samples, scores, beta, figures), { beta })];
    const path: Point[] = [];
    for (const at of options.betas ?? kls) {
      const given = options.betas !== undefined;
      path.push(...tilted(`${given ? 'beta' : 'kl'} ${at}`, given ? at : solver.beta(at)));
      yield step();
    }
    path.sort((a, b) => a.kl.value - b.kl.value);
    const [atBudget] = tilted('budget', solver.beta(budget));
    yield step();
    const best: Point[] = [];
    for (const k of ks) {
      best.push(point(`k ${k}`, bestOf(samples, scores, k, figures), { k }));
      yield step();
    }
    const chosen = extreme(samples, scores, 'best');
    out.push({
      name: objectiveName(objective),
      objective,
      path,
      ...(atBudget && { atBudget }),
      bestOf: best,
      changed: chosen.reduce((n, i, p) => n + (differs(scores, i, meanBest[p]!) ? 1 : 0), 0),
    });
  }
  const mean = meanOf.get('budget');
  const scan = yield* scanOf(samples, {
    lambdas,
    budget,
    figures,
    bootstrap,
    reference,
    mean,
    step,
  });
  return {
    prompts: promptsOf(samples),
    responses: samples.expectation.length,
    samples: { least, median, most },
    weighted: samples.base !== undefined,
    budget,
    threshold,
    cvarLevel: options.cvarLevel,
    reference: pointOf(bootstrap, reference, {}, undefined, undefined),
    objectives: out,
    scan,
  };
}

/** The same at one go. */
export function preview(samples: SampleSet, options: PreviewOptions): PolicyPreview {
  const steps = previewing(samples, options);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Equal scores are no change of mind. */
const differs = (scores: ArrayLike<number>, a: number, b: number): boolean =>
  a !== b && scores[a] !== scores[b];

function withMean(objectives: readonly Objective[]): Objective[] {
  return [MEAN, ...objectives.filter(({ kind }) => kind !== 'mean')];
}

/** Best-of-k is told where a tenth of the prompts have k samples. */
function enough(samples: SampleSet, k: number): boolean {
  const P = promptsOf(samples);
  let count = 0;
  for (let p = 0; p < P; p++) if (sizeOf(samples, p) >= k) count++;
  return count >= 0.1 * P;
}

function referenceOf(samples: SampleSet, figures: Float64Array): PromptEstimates {
  const P = promptsOf(samples);
  const ess = Float64Array.from({ length: P }, (_, p) => {
    if (samples.base === undefined) return sizeOf(samples, p);
    let squares = 0;
    for (let i = samples.offsets[p]!; i < samples.offsets[p + 1]!; i++)
      squares += samples.base[i]! ** 2;
    return 1 / squares;
  });
  return { figures: weightedFigures(samples, figures, samples.base), kl: new Float64Array(P), ess };
}
