import type { ListNode, RecordNode } from '../../json/tree.js';
import { UnplacedText, type TextNode } from '../../text.js';
import type { Conversation, Turn } from '../../types.js';
import { filled, NotUnderstood, textOf } from '../fields.js';
import { at, said } from './rewrite.js';
import { conversation, joinedTurn, textTurn } from '../turns.js';

/** The text of one part of an answer; undefined for progress, tool calls and the like. */
function textOfPart(part: RecordNode): TextNode | undefined {
  const kind = said(part, 'kind');
  if (kind === 'inlineReference') return nameOf(part);
  if (kind !== undefined && kind !== 'markdownContent' && kind !== 'markdown') return undefined;
  const content = part.fields.get('content');
  return (
    textOf(part.fields.get('value')) ??
    textOf(content?.kind === 'record' ? content.fields.get('value') : content)
  );
}

/** What the chat shows of a reference: the symbol's name, its own, or that of its file. */
function nameOf(part: RecordNode): TextNode | undefined {
  const name = at(part, 'name') ?? at(part, 'inlineReference', 'name');
  if (filled(name)) return textOf(name);
  const path =
    said(part, 'inlineReference', 'path') ??
    said(part, 'inlineReference', 'uri', 'path') ??
    said(part, 'inlineReference', 'location', 'uri', 'path');
  const file = path?.split(/[\\/]/).findLast((step) => step !== '');
  return file === undefined ? undefined : new UnplacedText(file);
}

/** The user's thumb: up (1) or down (0). */
function verdictOf(request: RecordNode): Turn['verdict'] {
  const vote = said(request, 'vote')?.toLowerCase();
  if (vote === '1' || vote === 'up') return 'desirable';
  return vote === '0' || vote === '-1' || vote === 'down' ? 'undesirable' : undefined;
}

/**
 * VS Code's "Chat: Export Chat", and the state of its session files: requests[].message.text and the
 * Markdown parts of requests[].response[]. Progress and tool calls are no text of the answer.
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
      const text = part.kind === 'record' ? textOfPart(part) : undefined;
      if (text !== undefined && text.value !== '') texts.push(text);
    }
    const verdict = verdictOf(request);
    if (texts.length > 0)
      turns.push({ ...joinedTurn('assistant', texts, ''), ...(verdict && { verdict }) });
  }
  const made = conversation('transcript', 'transcript', turns);
  if (made !== undefined) return made;
  throw new NotUnderstood('requests hold no answer; expected response parts with a value');
}
