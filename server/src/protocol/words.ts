/**
 * Words of the domain, for every layer: a *response* is an assistant turn that is scored; its number is
 * stable within an `epoch` of its audit. Lines and columns are zero-based, columns in UTF-16 units.
 * Rewards, quantiles, tails, CVaR and spreads are in the reward's own unit; NaN stands for "not known".
 */

/** What a response is in its row; columns of numbers hold its index here. */
export const RESPONSE_KINDS = ['chosen', 'rejected', 'completion', 'transcript'] as const;
export type ResponseKind = (typeof RESPONSE_KINDS)[number];
/** In a column of kinds: the response no longer exists. */
export const REMOVED_KIND = 255;
/** In a column of partners: the response has none. */
export const NO_PARTNER = 0xffffffff;
export const FINDING_SEVERITIES = ['error', 'warning', 'info'] as const;
export type FindingSeverity = (typeof FINDING_SEVERITIES)[number];

export interface TextSpot {
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/** Execution providers of ONNX Runtime. CoreML has no attention, RMS norm, rotary embedding or gather. */
export const PROVIDERS = ['cuda', 'webgpu', 'dml', 'cpu'] as const;
export type Provider = (typeof PROVIDERS)[number];
export const DEVICES = ['auto', 'cpu', 'cuda', 'webgpu', 'dml'] as const;
export type Device = (typeof DEVICES)[number];
/** How exactly a backbone is run: the type of its weights, and of its activations where that is a float. */
export const PRECISIONS = ['float32', 'float16', 'bfloat16', 'int8', 'int4'] as const;
export type Precision = (typeof PRECISIONS)[number];

export interface ModelInfo {
  readonly name: string;
  readonly hash: string;
  readonly precision: string;
  readonly executionProvider: string;
  readonly maxTokens: number;
  /** M names. */
  readonly attributes: readonly string[];
  /** K levels, ascending. */
  readonly levels: readonly number[];
}
