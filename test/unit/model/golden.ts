import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One case of a golden checkpoint: what the published float32 model computes. */
export interface GoldenCase {
  readonly messages: { readonly role: string; readonly content: string }[];
  readonly input_ids: number[];
  readonly gating_position: number;
  readonly last_hidden: number[];
  readonly gating_hidden: number[];
  readonly attribute_quantiles: number[][];
  readonly adjusted_attribute_quantiles: number[][];
  readonly gating_weights: number[];
  readonly reward_quantiles: number[];
  readonly score: number;
}

export interface Golden {
  readonly num_objectives: number;
  readonly num_quantiles: number;
  readonly gating_token_pattern: number[];
  readonly quantile_levels: number[];
  readonly cases: GoldenCase[];
}

const root = fileURLToPath(new URL('../../fixtures/golden/', import.meta.url));
export const goldenNames = readdirSync(root);
export const goldenFolder = (name: string): string => `${root}${name}`;
export const readGolden = (name: string): Golden =>
  JSON.parse(readFileSync(`${root}${name}/expected.json`, 'utf8')) as Golden;
