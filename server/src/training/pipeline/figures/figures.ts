import type { AttributeFigures } from '../../../evaluation/statistics/index.js';
import type { GateEpoch } from '../../gating/gate.js';
import type { DataFile } from '../sample.js';

/** Accuracy on pairs: the share whose chosen response has the higher score, ties one half. */
export interface Accuracy {
  readonly pairs: number;
  readonly accuracy: number;
}

/** How pairs of one source are ranked. */
export interface SourceFigures {
  readonly source: string;
  /** On training pairs by heads and gates of other folds; on held-out pairs by the final model. */
  readonly training: Accuracy | undefined;
  readonly heldOut: Accuracy | undefined;
  /** Of the final model on held-out pairs, where there are some, else on training pairs. */
  readonly gate: readonly number[];
  /** Each attribute alone, on the same pairs. */
  readonly alone: readonly number[];
}

/** An attribute on the held-out responses of one of its sources. */
export interface PartFigures extends AttributeFigures {
  readonly source: string;
  readonly trainResponses: number;
}

/** What a training run measured; the card and the report show nothing else. */
export interface TrainingFigures {
  readonly model: {
    readonly name: string;
    readonly backbone: string;
    readonly layers: number;
    readonly totalLayers: number;
    readonly precision: string;
    readonly hiddenSize: number;
  };
  readonly settings: {
    readonly levels: readonly number[];
    /** Principal components of the features; 0: all features. */
    readonly components: number;
    readonly featureScale: number;
    readonly bandwidth: number;
    readonly folds: number;
    readonly heldOut: number;
    readonly seed: number;
    readonly maxTokens: number;
    readonly verbosity: string;
    readonly gate: string;
  };
  readonly files: readonly DataFile[];
  readonly attributes: readonly (AttributeFigures & {
    readonly trainResponses: number;
    readonly l1: number;
    /** Cross-validated on training prompts: what choices were made by. */
    readonly crossValidated: { readonly pinball: number; readonly baseline: number };
    readonly penalty: number;
    /** Whether loss and coverage count every response alike; else every label. */
    readonly byResponse: boolean;
    /** Where it has several sources, each alone, against the constant quantiles of that source. */
    readonly parts: readonly PartFigures[];
  })[];
  /** Attributes that were fitted and left out, with the reason. */
  readonly dropped: readonly { readonly name: string; readonly reason: string }[];
  readonly sources: readonly SourceFigures[];
  readonly curve: readonly GateEpoch[];
  readonly bestEpoch: number;
  readonly notes: readonly string[];
}
