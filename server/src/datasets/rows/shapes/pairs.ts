import type { ValueNode } from '../../json/tree.js';
import { isTranscript } from '../../markdown/chat-markup.js';
import { looksLikeHH, trimRange } from '../../markdown/transcript.js';
import type { Conversation, ConversationKind, Turn } from '../../types.js';
import { answered, isListOfAnswers, repeatsPrompt } from './answers.js';
import type { Context } from '../context.js';
import { NotUnderstood, textOf, whereIs } from '../fields.js';
import { unfold } from '../nested.js';
import { conversation, textTurn, type Notes } from '../turns.js';

/** Length of the beginning that two texts share, ended at a word's start as TRL's extract_prompt does. */
function sharedBeginning(a: string, b: string): number {
  const max = Math.min(a.length, b.length);
  let n = 0;
  while (n < max && a.charCodeAt(n) === b.charCodeAt(n)) n++;
  if (n === a.length || n === b.length) return 0; // one is the other's beginning: nothing tells the prompt
  while (n > 0 && !/\s/.test(a[n - 1]!)) n--;
  return a.slice(0, n).trim() === '' ? 0 : n;
}

/** @throws NotUnderstood when no turn is the assistant's */
export function withTarget(
  kind: ConversationKind,
  label: string,
  turns: readonly Turn[],
  field: string,
  node: ValueNode | undefined,
): Conversation {
  const made = conversation(kind, label, turns);
  if (made !== undefined) return made;
  const roles = [...new Set(turns.map((t) => `'${t.role.slice(0, 40)}'`))].join(', ');
  const found = roles === '' ? '' : ` (found the roles ${roles})`;
  throw new NotUnderstood(
    `${field} holds no assistant turn${found}; expected a text or a list of messages`,
    whereIs(node),
  );
}

/** A record of chosen and rejected. @throws NotUnderstood */
export function pairOf(
  context: Context,
  given: { readonly chosen: ValueNode; readonly rejected: ValueNode },
  notes: Notes,
): { readonly hh: boolean; readonly conversations: Conversation[] } {
  const chosen = unfold(given.chosen, 'chosen');
  const rejected = unfold(given.rejected, 'rejected');
  if (isListOfAnswers(chosen) || isListOfAnswers(rejected))
    return { hh: false, conversations: lists(context, { chosen, rejected }, notes) };
  const [a, b] = [textOf(chosen), textOf(rejected)];
  const bare = context.before.length === 0 && !context.prompted;
  const hh = bare && a !== undefined && looksLikeHH(a.value);
  const whole = bare && a !== undefined && isTranscript(a.value);
  if (bare && a !== undefined && b !== undefined) {
    if (whole !== isTranscript(b.value)) {
      const [one, part] = whole ? ['chosen', 'rejected'] : ['rejected', 'chosen'];
      const kind = looksLikeHH(whole ? a.value : b.value) ? 'a Human/Assistant transcript' : 'a conversation in the markup of a chat template'; // prettier-ignore
      const message = `${one} is ${kind} and ${part} is not, so ${part} has no prompt; expected both alike`;
      throw new NotUnderstood(message, whereIs(whole ? b : a));
    }
    const shared = whole ? 0 : sharedBeginning(a.value, b.value);
    if (shared > 0) {
      const implicit = [a, b].map((text, i) => {
        const ask = trimRange(text.value, 0, shared);
        const say = trimRange(text.value, shared, text.value.length);
        const kind = (['chosen', 'rejected'] as const)[i]!;
        return withTarget(
          kind,
          kind,
          [
            ...context.system,
            textTurn('user', text, ask.from, ask.to),
            textTurn('assistant', text, say.from, say.to),
          ],
          kind,
          text,
        );
      });
      return { hh, conversations: implicit };
    }
  }
  const repeats = repeatsPrompt(context, [chosen, rejected]);
  const conversations = (
    [
      ['chosen', chosen],
      ['rejected', rejected],
    ] as const
  ).map(([kind, node]) =>
    withTarget(kind, kind, answered(context, node, kind, notes, { repeats }), kind, node),
  );
  return { hh, conversations };
}

/** Several chosen or rejected answers to one prompt: each chosen one is meant to beat every rejected one. */
function lists(
  context: Context,
  given: { readonly chosen: ValueNode; readonly rejected: ValueNode },
  notes: Notes,
): Conversation[] {
  const named = (['chosen', 'rejected'] as const).map((name) => {
    const node = given[name];
    return { name, items: isListOfAnswers(node) ? node.items : [node] };
  });
  const all = named.flatMap(({ items }) => items);
  // A table by columns looks the same.
  if (context.before.length === 0 && !context.prompted)
    throw new NotUnderstood(
      'chosen and rejected are lists of answers without a prompt; expected prompt beside them',
      whereIs(given.chosen),
    );
  const repeats = repeatsPrompt(context, all);
  const one = all.length === 2;
  return named.flatMap(({ name, items }) =>
    items.map((node, i) => {
      const label = items.length === 1 ? name : `${name} ${i + 1}`;
      const turns = answered(context, node, label, notes, { repeats });
      const made = withTarget(name, label, turns, label, node);
      return one ? made : { ...made, gold: { rating: name === 'chosen' ? 1 : 0 } };
    }),
  );
}
