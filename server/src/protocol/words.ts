import type { FINDING_CODES } from './finding-codes.js';

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
export { FINDING_CODES } from './finding-codes.js';
export type FindingCodeName = (typeof FINDING_CODES)[number];
export const FINDING_SEVERITIES = ['error', 'warning', 'info'] as const;
export type FindingSeverity = (typeof FINDING_SEVERITIES)[number];

export interface TextSpot {
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

export type Device = 'auto' | 'cpu' | 'cuda' | 'webgpu' | 'coreml' | 'dml';
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
