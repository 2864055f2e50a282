import type { Estimate, PromptBootstrap } from './bootstrap.js';
import { FIGURES, WIDTH, type FigureName } from './figures.js';
import type { PromptEstimates, Tilted } from './tilting.js';

export type Figures = Readonly<Record<FigureName, Estimate>>;

/** A policy: the reference, a tilt at one beta, or best-of-k. */
export interface Point {
  /** Of a tilt. */
  readonly beta?: number;
  /** Of best-of-k. */
  readonly k?: number;
  /** From the reference, in nats; an interval where it is estimated. */
  readonly kl: Estimate;
  /** The mean effective sample size of a prompt. */
  readonly ess: number;
  /** Prompts with enough samples. */
  readonly prompts: number;
  readonly figures: Figures;
  /** Less the reference's, on the same prompts. */
  readonly gains?: Figures;
  /** Less those of the mean objective at the same KL, beta or k, on the same prompts. */
  readonly differences?: Figures;
  /** A tilt's estimates without the correction by leave-one-out. */
  readonly plugIn?: { readonly kl: number; readonly figures: Readonly<Record<FigureName, number>> };
}

const isTilted = (e: PromptEstimates): e is Tilted => 'plugIn' in e;

/** A record of all figures. */
export const record = <T>(value: (f: number, name: FigureName) => T): Record<FigureName, T> =>
  Object.fromEntries(FIGURES.map((name, f) => [name, value(f, name)])) as Record<FigureName, T>;

const sure = (value: number): Estimate => ({ value, low: value, high: value });

/** Means over prompts with intervals, and differences prompt by prompt. */
export function pointOf(
  bootstrap: PromptBootstrap,
  own: PromptEstimates,
  at: { readonly beta?: number; readonly k?: number },
  reference: PromptEstimates | undefined,
  mean: PromptEstimates | undefined,
): Point {
  const tilted = isTilted(own);
  const raw = (e: PromptEstimates): Float64Array => (isTilted(e) ? e.plugIn : e).figures;
  const less = (other: PromptEstimates): Figures =>
    record((f) =>
      bootstrap.mean(
        (p) => own.figures[p * WIDTH + f]! - other.figures[p * WIDTH + f]!,
        tilted ? (p) => raw(own)[p * WIDTH + f]! - raw(other)[p * WIDTH + f]! : undefined,
      ),
    );
  let [prompts, ess] = [0, 0];
  for (let p = 0; p < own.kl.length; p++) {
    if (Number.isNaN(own.figures[p * WIDTH])) continue;
    prompts++;
    ess += own.ess[p] as number;
  }
  const average = (x: Float64Array, f: number, width: number): number => {
    let sum = 0;
    for (let p = 0; p < own.kl.length; p++) sum += x[p * width + f] as number;
    return sum / own.kl.length;
  };
  return {
    ...at,
    kl: tilted
      ? bootstrap.mean(
          (p) => own.kl[p]!,
          (p) => own.plugIn.kl[p]!,
        )
      : sure(own.kl[0] ?? Number.NaN),
    ess: ess / prompts,
    prompts,
    figures: record((f) =>
      bootstrap.mean(
        (p) => own.figures[p * WIDTH + f]!,
        tilted ? (p) => own.plugIn.figures[p * WIDTH + f]! : undefined,
      ),
    ),
    ...(reference && { gains: less(reference) }),
    ...(mean && mean !== own && { differences: less(mean) }),
    ...(tilted && {
      plugIn: {
        kl: average(own.plugIn.kl, 0, 1),
        figures: record((f) => average(own.plugIn.figures, f, WIDTH)),
      },
    }),
  };
}
