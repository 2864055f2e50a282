import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One case of a golden checkpoint: what the published float32 model computes. */
export interface GoldenCase {
  readonly messages: { readonly role: string; readonly content: string }[];
  readonly input_ids: number[];
  readonly reward_position: number;
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

/** What transformers' `*ForSequenceClassification` computes: no gate, one number a label. */
interface ScoreGolden {
  readonly num_labels: number;
  readonly cases: {
    readonly messages: GoldenCase['messages'];
    readonly input_ids: number[];
    readonly reward_position: number;
    readonly last_hidden: number[];
    readonly labels: number[];
  }[];
}

const root = fileURLToPath(new URL('../../fixtures/golden/', import.meta.url));
export const goldenNames = readdirSync(root, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);
export const goldenFolder = (name: string): string => `${root}${name}`;

/** The reference of a checkpoint; a score head reads as K = 1, equal weights and a gate that sees the same token. */
export function readGolden(name: string): Golden {
  const json = JSON.parse(readFileSync(`${root}${name}/expected.json`, 'utf8')) as
    Golden | ScoreGolden;
  if (!('num_labels' in json)) {
    const cases = json.cases.map((c) => ({ ...c, reward_position: c.input_ids.length - 1 }));
    return { ...json, cases };
  }
  return {
    num_objectives: json.num_labels,
    num_quantiles: 1,
    gating_token_pattern: [],
    quantile_levels: [0.5],
    cases: json.cases.map(({ labels, ...c }) => {
      const score = labels.reduce((a, b) => a + b, 0) / labels.length;
      return {
        ...c,
        gating_position: c.reward_position,
        gating_hidden: c.last_hidden,
        attribute_quantiles: labels.map((l) => [l]),
        adjusted_attribute_quantiles: labels.map((l) => [l]),
        gating_weights: labels.map(() => 1 / labels.length),
        reward_quantiles: [score],
        score,
      };
    }),
  };
}
