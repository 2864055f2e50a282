import { isBlank } from '../../blank.js';
import { markIn } from '../markdown/chat-markup.js';
import type { Conversation } from '../types.js';
import { sameText } from './context.js';
import type { Notes } from './turns.js';

const asked = ({ turns }: Conversation) => turns.find((t) => t.role === 'user');

/** What every reading has to say: nobody asks anything, a question is empty, or the halves of a pair are asked different things. */
export function sayOfPrompts(conversations: readonly Conversation[], notes: Notes): void {
  const alone = conversations.find(({ turns }) =>
    turns.every((t) => t.role === 'assistant' || t.role === 'system'),
  );
  if (alone !== undefined && !notes.all.some((n) => n.code === 'blank-prompt')) {
    const message = `no prompt: no turn stands before the answer of ${alone.label} but ${alone.turns.length > 1 ? 'of system or assistant' : 'the answer itself'}; expected the user's`;
    notes.add('blank-prompt', message, undefined);
  }
  for (const { label, turns } of conversations) {
    if (notes.all.some((n) => n.code === 'blank-prompt')) break;
    const last = turns.findLastIndex((t) => t.role === 'assistant');
    const n = turns.findIndex((t, i) => i < last && t.role === 'user' && t.unread === undefined && isBlank(t.content)); // prettier-ignore
    if (n < 0) continue;
    const message = `turn ${n + 1} of ${label}, the user's, is empty; expected a text`;
    notes.add('blank-prompt', message, turns[n]!.place ?? turns[n]!.pieces?.[0]);
  }
  const [chosen, rejected] = (['chosen', 'rejected'] as const).map((kind) => {
    const half = conversations.find((c) => c.kind === kind);
    return half && asked(half);
  });
  if (chosen === undefined || rejected === undefined) return;
  if (sameText(chosen.content, rejected.content)) return;
  const message =
    'chosen and rejected begin with different turns of the user, so their scores do not compare; expected one prompt';
  notes.add('other-prompt', message, rejected.place ?? rejected.pieces?.[0]);
}

/** A mark that is left in a turn is scored as text: nobody means that. */
export function sayOfMarks(conversations: readonly Conversation[], notes: Notes): void {
  for (const { label, turns } of conversations) {
    for (const turn of turns) {
      const mark = markIn(turn.content);
      if (mark === undefined) continue;
      const message = `the ${turn.role.slice(0, 40)}'s turn of ${label} holds ${mark}, a mark of a chat template, in a text that is no whole conversation of one: it is scored as it is written, inside the model's own template. Expected the bare text, or messages`;
      notes.add('chat-markup', message, turn.place ?? turn.pieces?.[0]);
      return;
    }
  }
}
