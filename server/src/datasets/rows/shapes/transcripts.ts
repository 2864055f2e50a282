import type { ValueNode } from '../../json/tree.js';
import { isTranscript } from '../../markdown/chat-markup.js';
import type { Conversation, Turn } from '../../types.js';
import { answered, joinLists } from './answers.js';
import { accountFor, type Context } from '../context.js';
import { describe, NotUnderstood, textOf, whereIs } from '../fields.js';
import { listTurns } from '../messages.js';
import { unfold } from '../nested.js';
import { withTarget } from './pairs.js';
import { turnsOfText, type Notes } from '../turns.js';

/** The turns of a field that holds a whole conversation. @throws NotUnderstood */
export function messagesOf(given: ValueNode, field: string, notes: Notes): Turn[] {
  const node = unfold(given, field);
  const text = textOf(node);
  if (text !== undefined && isTranscript(text.value)) return turnsOfText(text);
  const turns = text === undefined ? listTurns(node, field, notes) : undefined;
  if (turns !== undefined) return turns;
  throw new NotUnderstood(
    `the field '${field}' is ${describe(node)}; expected a list of messages with role and content (or from and value)`,
    whereIs(node),
  );
}

/** Does the conversation end with an answer, not with a question that waits for one? */
export const endsAnswered = (turns: readonly Turn[]): boolean => turns.at(-1)?.role !== 'user';

/** A conversation with what else the record says of its beginning. @throws NotUnderstood */
export function joinTranscript(context: Context, turns: readonly Turn[], field: string): Turn[] {
  const whole = joinLists(context, turns, field);
  accountFor(context, whole, field);
  return whole;
}

/** A conversation whose last answer is the chosen one, and a rejected answer beside it. */
export function besides(
  context: Context,
  whole: readonly Turn[],
  field: string,
  { other, list }: { readonly other: ValueNode; readonly list: ValueNode },
  notes: Notes,
): Conversation[] {
  const last = whole.findLastIndex((t) => t.role === 'assistant');
  const before = whole.slice(0, Math.max(0, last));
  const rejected = answered(
    { ...context, system: [], before, sources: [], asked: undefined },
    other,
    'rejected_response',
    notes,
  );
  return [
    withTarget('chosen', 'chosen', whole, field, list),
    withTarget('rejected', 'rejected', rejected, 'rejected_response', other),
  ];
}
