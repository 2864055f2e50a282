import type { EvaluatorInfo, GroupResult, ScoreGroup } from '../types.js';

/** An engine at a URL. */
export interface RemoteEngine {
  readonly url: string;
  readonly info: EvaluatorInfo;
  /** @throws EndpointError; the signal's reason */
  score(group: ScoreGroup, signal: AbortSignal | undefined, priority: number): Promise<GroupResult>;
}
