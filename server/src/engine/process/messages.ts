import type { Precision, Provider } from '../../protocol/index.js';
import type { ModelConfig } from '../../model/checkpoint/config.js';
import type { BackboneOptions } from '../backbone/backbone.js';
import type { TokenTree } from '../trees/packing.js';
import type { Device } from '../../protocol/words.js';
import type { ProbeResult } from '../device/probe.js';
import type { EvaluatorInfo, GroupResult, ScoreGroup } from '../types.js';

export type { Provider };
export type { Device };

/** How an evaluator is opened; everything that the process needs, so that it can be opened again. */
export interface OpenRequest {
  /** A bundle, a checkpoint folder or a GGUF file; undefined is the embedded model. */
  readonly model?: string;
  readonly device: Device;
  readonly precision: 'auto' | Precision;
  /** GB (1e9 bytes) of the GPU's memory that may be used; default: what is free, as far as that can be known. */
  readonly gpuMemory?: number;
  /** CPU threads in all; default: all cores. */
  readonly threads?: number;
  /** Yields the CPU to other programs: for an editor. */
  readonly background?: boolean;
  readonly cacheFolder?: string;
  /** Providers that failed in use: `auto` leaves them out. */
  readonly avoid?: readonly Provider[];
  /** Bytes by which the process may grow before it is begun anew while idle; default: see growth.ts. */
  readonly spare?: number;
}

/** What a backbone in a process of its own is asked: to be loaded, first, and then the hidden states of trees. */
export type StatesWork =
  | {
      readonly open: {
        readonly path: string;
        readonly config: ModelConfig;
        readonly options: BackboneOptions;
      };
    }
  | { readonly trees: readonly TokenTree[] };

/** From the user's process to the evaluator's. */
export type ToEvaluator =
  | { readonly type: 'open'; readonly request: OpenRequest }
  | {
      readonly type: 'score';
      readonly id: number;
      readonly group: ScoreGroup;
      readonly priority: number;
    }
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'probe'; readonly provider: Provider }
  | { readonly type: 'states'; readonly id: number; readonly work: StatesWork }
  | { readonly type: 'close' };

/** From the evaluator's process to the user's. */
export type FromEvaluator =
  | { readonly type: 'progress'; readonly message: string; readonly fraction?: number }
  /** What is to be told while it scores. */
  | { readonly type: 'notice'; readonly message: string }
  | { readonly type: 'opened'; readonly info: EvaluatorInfo }
  | { readonly type: 'failed'; readonly error: string }
  | { readonly type: 'result'; readonly id: number; readonly result: GroupResult }
  /** It holds much more memory than it needs: to be ended, and begun anew. */
  | { readonly type: 'grown' }
  | { readonly type: 'probed'; readonly result: ProbeResult }
  | { readonly type: 'states'; readonly id: number; readonly answer: Float32Array | string };
