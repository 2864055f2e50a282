import type { ListNode } from '../json/tree.js';
import type { TextNode } from '../text.js';
import type { Conversation, Turn } from '../types.js';
import { NotUnderstood, textOf } from './fields.js';
import { conversation, joinedTurn, textTurn } from './turns.js';

/**
 * VS Code's "Chat: Export Chat": requests[].message.text and the Markdown parts of
 * requests[].response[]. Progress, tool calls and references are no text of the answer.
 */
export function vscodeChat(requests: ListNode): Conversation {
  const turns: Turn[] = [];
  for (const request of requests.items) {
    if (request.kind !== 'record') continue;
    const message = request.fields.get('message');
    const asked = textOf(message?.kind === 'record' ? message.fields.get('text') : message);
    if (asked !== undefined) turns.push(textTurn('user', asked));
    const texts: TextNode[] = [];
    const response = request.fields.get('response');
    for (const part of response?.kind === 'list' ? response.items : []) {
      if (part.kind !== 'record') continue;
      const kind = textOf(part.fields.get('kind'))?.value;
      if (kind !== undefined && kind !== 'markdownContent' && kind !== 'markdown') continue;
      const content = part.fields.get('content');
      const text =
        textOf(part.fields.get('value')) ??
        textOf(content?.kind === 'record' ? content.fields.get('value') : content);
      if (text !== undefined && text.value !== '') texts.push(text);
    }
    if (texts.length > 0) turns.push(joinedTurn('assistant', texts, ''));
  }
  const made = conversation('transcript', 'transcript', turns);
  if (made !== undefined) return made;
  throw new NotUnderstood('requests hold no answer; expected response parts with a value');
}
