import type { QrmSpec, ReferenceFigures, RewardScore } from '../qrm/types.js';

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
  /** Further fields, as transformers' chat templates read them. */
  readonly tool_calls?: readonly unknown[];
  readonly tool_call_id?: string;
  readonly name?: string;
}

/** A conversation with the assistant turns (indices into `messages`) whose rewards are wanted. */
export interface ScoreConversation {
  readonly messages: readonly ChatMessage[];
  readonly targets: readonly number[];
  /**
   * In place of messages: a text that the model's own chat template made, or its token ids. There is one
   * target then, whatever it is called.
   */
  readonly made?: string | readonly number[];
  /** Cut to so many tokens where the model's context is longer. */
  readonly maxTokens?: number;
}

/** Conversations that likely share a beginning (a pair, a set of completions): scored in one prefill. */
export interface ScoreGroup {
  readonly conversations: readonly ScoreConversation[];
}

/** A group to score, and what its result is to be known by. */
export interface Tagged<T> {
  readonly group: ScoreGroup;
  readonly tag: T;
}
export type TaggedGroups<T> = AsyncIterable<Tagged<T>> | Iterable<Tagged<T>>;

export type TargetResult =
  | { readonly ok: true; readonly score: RewardScore }
  | { readonly ok: false; readonly error: string };

/** results[c][t] belongs to conversations[c].targets[t]. */
export interface GroupResult {
  readonly results: readonly (readonly TargetResult[])[];
  /** What scored it (`identityOf`), where that is not what was opened: the device failed and the CPU went on. */
  readonly scoredBy?: string;
}

export interface ScoreOptions {
  readonly signal?: AbortSignal;
  /** Higher runs first; default 0. What the user looks at now gets 10. */
  readonly priority?: number;
}

export interface EvaluatorInfo {
  readonly spec: QrmSpec;
  readonly modelName: string;
  /** Identity of the numbers (weights, heads, precision, graph version): part of every store key. */
  readonly modelHash: string;
  readonly precision: string;
  readonly executionProvider: string;
  /** What rounds the numbers: the kind of device, and on the CPU whose kernels. Part of every store key. */
  readonly kernels?: string;
  /** Of the choice of device and precision: what a user should know. */
  readonly notes?: readonly string[];
  readonly maxTokens: number;
  /** Of the model's maker; absent where there are none. */
  readonly reference?: ReferenceFigures;
}

/** The engine as its users see it. Implemented over a worker, so the caller's event loop stays free. */
export interface Evaluator {
  readonly info: EvaluatorInfo;
  /** Scores one group; rejects with an AbortError when cancelled. Groups in flight are batched together. */
  score(group: ScoreGroup, options?: ScoreOptions): Promise<GroupResult>;
  /**
   * Scores a stream in its order, with backpressure: reads ahead only as far as batching needs,
   * and yields each result with its ordinal as soon as it and all before it are done.
   */
  scoreStream<T>(
    groups: TaggedGroups<T>,
    options?: ScoreOptions,
  ): AsyncGenerator<{ tag: T; result: GroupResult }>;
  close(): Promise<void>;
}
