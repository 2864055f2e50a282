import { isBlank } from '../blank.js';
import type { Turn } from '../datasets/types.js';

/** Why a response has no score whatever the model; undefined when it may have one. */
export function whyUnscored(
  response: Pick<Turn, 'content' | 'tool_calls'> | undefined,
): string | undefined {
  if (response === undefined || response.tool_calls !== undefined) return undefined;
  if (!isBlank(response.content)) return undefined;
  const found = response.content === '' ? 'is empty' : 'holds no visible text';
  return `the response ${found}; expected a text`;
}
