import { isBlank } from '../../blank.js';
import type { TextNode } from '../text.js';
import type { Conversation, ConversationKind, DatasetProblem, Place, Turn } from '../types.js';
import { splitTranscript } from '../markdown/chat-markup.js';

/** What is said about a record that is read nevertheless. */
export interface Note {
  readonly code: DatasetProblem['code'];
  readonly message: string;
  readonly place: Place | undefined;
}

/** The notes of one record; the same one is said once. */
export class Notes {
  readonly all: Note[] = [];
  add(code: Note['code'], message: string, place: Place | undefined): void {
    if (this.all.length >= 20) return;
    if (!this.all.some((n) => n.code === code && n.message === message))
      this.all.push({ code, message, place });
  }
}

/** Where decoded characters [from, to) of a text stand, as a turn says it. */
const placed = (text: TextNode, from?: number, to?: number): Pick<Turn, 'place' | 'pieces'> => {
  const place = text.place(from, to);
  if (place !== undefined) return { place };
  const piece = text.nestedPlace?.(from, to);
  return piece === undefined ? {} : { pieces: [piece] };
};

/** A turn of decoded characters [from, to) of a text. */
export const textTurn = (role: string, text: TextNode, from = 0, to = text.value.length): Turn => ({
  role,
  content: text.value.slice(from, to),
  ...placed(text, from, to),
});

/** A turn joined from several texts: it has pieces, and a place only when there is one piece. */
export function joinedTurn(role: string, texts: readonly TextNode[], separator: string): Turn {
  if (texts.length === 1) return textTurn(role, texts[0]!);
  const content = texts.map((t) => t.value).join(separator);
  const pieces = piecesOf(texts);
  return pieces.length === 0 ? { role, content } : { role, content, pieces };
}

export const piecesOf = (texts: readonly TextNode[]): Place[] =>
  texts.map((t) => t.place() ?? t.nestedPlace?.()).filter((p): p is Place => p !== undefined);

/** The turns of a transcript: Human and Assistant, or a chat template's markup. */
export const turnsOfText = (text: TextNode): Turn[] =>
  splitTranscript(text.value).map((t) => textTurn(t.role, text, t.from, t.to));

/** Does the assistant only call tools in this turn? */
export const onlyCalls = (t: Turn): boolean => t.tool_calls !== undefined && isBlank(t.content);

/**
 * A conversation with its targets: the last assistant turn of a response (chosen, rejected,
 * completion), of a transcript all but those that only call tools, which are no answers.
 * @returns undefined when it has no target
 */
export function conversation(
  kind: ConversationKind,
  label: string,
  turns: readonly Turn[],
): Conversation | undefined {
  const targets: number[] = [];
  if (kind === 'transcript') {
    for (const [i, t] of turns.entries())
      if (t.role === 'assistant' && !onlyCalls(t)) targets.push(i);
  } else {
    const last = turns.findLastIndex((t) => t.role === 'assistant');
    if (last >= 0) targets.push(last);
  }
  return targets.length === 0 ? undefined : { kind, label, turns, targets };
}
