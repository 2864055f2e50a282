import type { FieldMapping } from '../../datasets/index.js';
import type { Device, Precision } from '../../protocol/index.js';
import type { RatedMapping } from '../data/layouts.js';
import type { Scale } from '../data/rated.js';
import type { FeatureType } from '../features/feature-store.js';
import type { GateOptions } from '../gating/gate.js';

/** A file of rated responses. */
export interface AttributeSource {
  readonly file: string;
  /** Default: the file's name without endings. */
  readonly name: string;
  readonly only?: readonly string[];
  readonly rename?: Readonly<Record<string, string>>;
  readonly mapping?: RatedMapping;
  readonly scale?: Readonly<Record<string, Scale>>;
  /** Responses taken, at most. */
  readonly max?: number;
  /** Responses of one prompt, at most. */
  readonly perPrompt?: number;
  /** Conversations of more tokens are left out. */
  readonly maxTokens?: number;
  /** Whether responses of one prompt with different labels become pairs for the gate too. */
  readonly pairs?: boolean;
}

/** A file of preference pairs. */
export interface PairSource {
  readonly file: string;
  readonly name: string;
  readonly mapping?: FieldMapping;
  readonly max?: number;
  readonly maxTokens?: number;
  /** An attribute made of the pairs: each chosen response has the label 1, each rejected one 0. */
  readonly attribute?: string;
  /** Attributes that should rank them, for the gate's routing loss; default: the one made of them. */
  readonly route?: readonly string[];
  /** Whether the gate is trained on them; default true. */
  readonly gate?: boolean;
  /** An older split to keep: the first of so many grouped folds (folds.ts) is held out, wholly. */
  readonly heldOutFold?: { readonly folds: number; readonly seed: number };
}

/** The gate's training; its seed is that of the run. */
export type GateConfig = Required<Omit<GateOptions, 'seed'>>;

/** All that `qrm train` is told, as `--config` and the options give it; paths are absolute. */
export interface TrainConfig {
  readonly backbone: string | undefined;
  /** Layers that are run, from the first; default all. */
  readonly layer?: number;
  /** Where the backbone runs for the features; not asked where there is an `endpoint`. */
  readonly device: Device;
  /** Of the backbone as it runs here. */
  readonly precision: 'auto' | Precision;
  /** GB of the GPU that may be used; default: what is free. */
  readonly gpuMemory?: number;
  /** URLs of engines that give the features in place of a backbone that runs here, with commas between. */
  readonly endpoint?: string;
  readonly featureType: FeatureType;
  readonly attributes: readonly AttributeSource[];
  readonly pairs: readonly PairSource[];
  readonly out: string;
  readonly checkpoint?: string;
  /** Features, fitted heads and the report. */
  readonly work: string;
  readonly name?: string;
  readonly description?: string;
  readonly licence?: string;
  readonly verbosity: string;
  readonly quantiles: number;
  readonly l1: number | 'auto';
  /** Of single attributes. Pinball loss, by which `auto` chooses, says little of pairs' labels. */
  readonly attributeL1?: Readonly<Record<string, number | 'auto'>>;
  /** Attributes in which every response counts alike, however many raters it has, and not every label. */
  readonly byResponse?: readonly string[];
  /** Principal components that heads and gate are fitted in, see basis.ts; 0: the features themselves. */
  readonly components: number;
  /** Standard deviation of the features, or of the first component, in the fit. */
  readonly featureScale: number;
  readonly bandwidth: number;
  /** Whether levels must not cross on training responses (Bondell, Reich & Wang 2010). */
  readonly monotone: boolean;
  readonly gate: GateConfig;
  /** Fixed weights in place of the gate, by attribute. */
  readonly weights?: Readonly<Record<string, number>>;
  readonly maxPerAttribute: number;
  readonly maxTokens: number;
  readonly heldOut: number;
  readonly folds: number;
  /** An attribute whose held-out pinball loss is not below this share of the constant quantiles' is dropped. */
  readonly keepBelow: number;
  /** Attributes that are kept all the same. */
  readonly keep?: readonly string[];
  readonly seed: number;
  readonly threads: number;
}

/** Whether each response of an attribute counts alike; else each rater's label. */
export const countsByResponse = ({ byResponse }: TrainConfig, attribute: string): boolean =>
  byResponse?.includes(attribute) ?? false;

/** The paper's gate (Dorka 2024, section 4.1) and ArmoRM's L1; what people change is in the options. */
export const DEFAULTS = {
  device: 'auto',
  precision: 'auto',
  featureType: 'float32',
  verbosity: 'none',
  quantiles: 19,
  l1: 0.003,
  components: 0,
  featureScale: 1,
  bandwidth: 0,
  monotone: false,
  maxPerAttribute: 60_000,
  maxTokens: 4096,
  heldOut: 0.2,
  folds: 5,
  keepBelow: 1,
  seed: 1,
} as const;

export const PAPER_GATE: GateConfig = {
  hidden: [1024, 1024, 1024],
  temperature: 1,
  epochs: 3,
  batch: 1024,
  learningRate: 3e-4,
  weightDecay: 0.001,
  patience: 0,
  routing: 0,
};
