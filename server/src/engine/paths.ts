import { positionsOf, type QrmHeads } from '../model/heads/heads.js';
import type { ChatTokenizer, TokenPath } from '../model/tokenizer/chat-tokenizer.js';
import type { ScoreConversation } from './types.js';

/** What turns a conversation into tokens. */
export interface PathModel {
  readonly tokenizer: ChatTokenizer;
  readonly heads: QrmHeads;
  readonly maxTokens: number;
}

/** The tokens of each target, in their order, with the positions that the heads read. */
export function conversationPaths(
  { tokenizer, heads, maxTokens }: PathModel,
  { messages, targets, made, maxTokens: limit = maxTokens }: ScoreConversation,
): (TokenPath | { error: string })[] {
  const positions = positionsOf(heads);
  const most = Math.min(limit, maxTokens);
  if (made !== undefined) return [tokenizer.pathOf(made, most, positions)];
  return tokenizer.paths(messages, targets, most, positions);
}
