import type { MessageFields, Turn } from './types.js';

/** A turn as an engine takes it: what a chat template reads, without places. */
export const chatMessage = (
  turn: Turn,
): MessageFields & { readonly role: string; readonly content: string } => {
  const { role, content, tool_calls, tool_call_id, name } = turn;
  return {
    role,
    content,
    ...(tool_calls !== undefined && { tool_calls }),
    ...(tool_call_id !== undefined && { tool_call_id }),
    ...(name !== undefined && { name }),
  };
};

/** What a reader is shown of a turn: its text, or the calls that it makes instead. */
export function shownText({ content, tool_calls }: Turn): string {
  if (tool_calls === undefined || content.trim() !== '') return content;
  return tool_calls.map((call) => JSON.stringify(call)).join('\n');
}
