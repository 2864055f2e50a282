import type { ChatTokenizer } from '../../model/tokenizer/chat-tokenizer.js';
import type { TrainConfig } from '../config/config.js';
import type { Encoded } from '../features/extract.js';

/** A response of the sample: its tokens and where it is used. */
export interface Sample {
  readonly encoded: Encoded;
  readonly group: string;
  readonly heldOut: boolean;
  /** Of a training response, 0..folds-1. */
  readonly fold: number;
  readonly source: string;
}

export interface LabelledSample extends Sample {
  readonly labels: readonly number[];
}

export interface SamplePair {
  readonly chosen: Encoded;
  readonly rejected: Encoded;
  readonly group: string;
  readonly heldOut: boolean;
  readonly fold: number;
  readonly source: string;
  /** Whether the gate may be trained on it. */
  readonly gate: boolean;
}

export interface DataFile {
  readonly file: string;
  readonly name: string;
  readonly sha256: string;
  readonly records: number;
  readonly used: number;
  readonly problems: number;
  readonly tooLong: number;
}

/** All that is trained on, read and chosen. */
export interface Plan {
  /** Conversations that share their beginning, for the features. */
  readonly groups: readonly (readonly Encoded[])[];
  readonly attributes: ReadonlyMap<string, readonly LabelledSample[]>;
  readonly pairs: readonly SamplePair[];
  /** By source, the attributes that were made of it. */
  readonly attributesOf: ReadonlyMap<string, readonly string[]>;
  /** By source, the attributes that should rank its pairs, where the config says so. */
  readonly routes: ReadonlyMap<string, readonly string[]>;
  readonly files: readonly DataFile[];
}

/** The plan without the conversations of these keys, and without pairs that lose a side. */
export function withoutKeys(plan: Plan, keys: ReadonlyMap<string, unknown>): Plan {
  if (keys.size === 0) return plan;
  const stays = ({ key }: Encoded): boolean => !keys.has(key);
  const samples = [...plan.attributes].map(
    ([name, all]) => [name, all.filter(({ encoded }) => stays(encoded))] as const,
  );
  return {
    ...plan,
    groups: plan.groups.map((group) => group.filter(stays)),
    attributes: new Map(samples),
    pairs: plan.pairs.filter(({ chosen, rejected }) => stays(chosen) && stays(rejected)),
  };
}

export interface PlanContext {
  readonly config: TrainConfig;
  readonly tokenizer: ChatTokenizer;
  /** Tokens of the longest conversation that can be run at all. */
  readonly longest: number;
  readonly say: (line: string) => void;
  readonly progress: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}
