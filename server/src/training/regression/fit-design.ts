import { INTERCEPT } from '../matrix/intercept.js';
import type { FloatMatrix, Matrix } from '../matrix/matrix.js';
import type { LabelWeights, RaterLabels } from '../../evaluation/statistics/index.js';
import type { Products } from '../matrix/products.js';
import { fitQuantiles } from './quantile-regression.js';
import { smoothLevels } from './smoothing.js';

export interface HeadOptions {
  readonly levels: readonly number[];
  readonly signal?: AbortSignal;
  /** Of the labels of each row; see `fitQuantiles`. */
  readonly weights?: LabelWeights;
  readonly l1: number;
  /** Of smoothing across levels, in levels; default 0. */
  readonly bandwidth?: number;
  /** Levels must not cross on the training responses; see `fitQuantiles`. */
  readonly monotone?: boolean;
  /** See `fitQuantiles`. */
  readonly tolerance?: number;
  /** See `fitQuantiles`. */
  readonly onGap?: (iteration: number, gap: number) => void;
}

/**
 * Fits one attribute's head on a design whose column INTERCEPT is the intercept.
 * @returns weights of the design's columns, [columns, K]
 */
export async function fitDesign(
  design: Matrix | FloatMatrix,
  labels: RaterLabels,
  options: HeadOptions,
  products: Products,
): Promise<Matrix> {
  const { weights } = await fitQuantiles(
    design,
    labels,
    { ...options, unpenalised: [INTERCEPT] },
    products,
  );
  return smoothLevels(weights, options.bandwidth ?? 0);
}
