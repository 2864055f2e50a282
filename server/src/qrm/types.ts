/** The static description of a QRM's head. */
export interface QrmSpec {
  /** Attribute (objective) names, length M. */
  readonly attributes: readonly string[];
  /** Quantile levels, ascending, length K: tau_k = k/(K+1), or (k - 1/2)/K where `pooled`. */
  readonly levels: readonly number[];
  /** The gate mixes the attributes' distributions, not their quantiles: `poolQuantiles`. */
  readonly pooled?: boolean;
  /** The model weighs nothing: its attributes count the same unless the user weighs them. */
  readonly equalWeights?: boolean;
}

/**
 * How a model's figures are spread over a data set that its maker scored: what a share means where a file has too few
 * responses for shares of its own.
 */
export interface ReferenceFigures {
  /** In words: "2,312 responses of hh-harmless". */
  readonly of: string;
  /** Level of the left tail that the figures were taken with. */
  readonly tau: number;
  /** Ascending, in (0, 1). */
  readonly shares: readonly number[];
  /** By the figure's name: the limit of its remarkable end for each share. */
  readonly figures: Readonly<Record<string, readonly number[]>>;
}

/**
 * What the model says of one response.
 * All arrays are raw: quantile curves may cross and are not sorted here.
 */
export interface RewardScore {
  /** Adjusted attribute quantiles, row m*K+k, length M*K. */
  readonly attributeQuantiles: Float32Array;
  /** Gate weights, length M. */
  readonly gate: Float32Array;
  /** Q_mix at each level, length K. */
  readonly quantiles: Float32Array;
  /** The mean of `quantiles`: the published model's score. */
  readonly expectation: number;
  /** Tokens of this response's conversation up to the scored position. */
  readonly tokens: number;
  /** How many tokens were cut from the left of the prompt to fit the context; 0 when none. */
  readonly truncatedTokens: number;
}
