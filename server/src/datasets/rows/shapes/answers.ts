import type { ListNode, RecordNode, ValueNode } from '../../json/tree.js';
import type { TextNode } from '../../text.js';
import { asksInTranscript, beforeMarks, markupTurns } from '../../markdown/chat-markup.js';
import { trimRange } from '../../markdown/transcript.js';
import type { Turn } from '../../types.js';
import { accountFor, covers, sameText, type Context } from '../context.js';
import {
  describe,
  find,
  NotUnderstood,
  onlyField,
  RESPONSES,
  TEXTS,
  textOf,
  whereIs,
} from '../fields.js';
import { asMessage, listTurns, oneMessage } from '../messages.js';
import { isMessages, unfold } from '../nested.js';
import { onlyCalls, textTurn, turnsOfText, type Notes } from '../turns.js';

/** What opens the answer at the end of a prompt that is written out for a language model. */
const OPENING =
  /(?:(?:^|[\n#*|>\]])[ \t]*(?:assistant|response|answer|bot|ai|output|tl;dr)[*_]*:|\[\/INST\]|<\|assistant\|>|<\|im_start\|>assistant|<\|start_header_id\|>assistant<\|end_header_id\|>|<start_of_turn>model)\s*$/i;
/** No opening is longer. */
const TAIL = 200;
/** What each of them ends with: few prompts do. */
const LAST = /[:\]>tl*_]$/;

/** @param prompt without white space at its end */
const opensAnswer = (prompt: string): boolean =>
  LAST.test(prompt.slice(-1)) && OPENING.test(prompt.slice(-TAIL));

/**
 * Do the responses repeat the whole prompt? Only a format that says so counts: a transcript, or a
 * prompt that opens the answer itself. Any other answer that begins with the words of the prompt is
 * an answer.
 */
export function repeatsPrompt({ asked }: Context, responses: readonly ValueNode[]): boolean {
  if (asked === undefined) return false;
  const prompt = asked.value.trimEnd();
  if (prompt === '' || !(opensAnswer(prompt) || asksInTranscript(prompt))) return false;
  return responses.every((r) => textOf(r)?.value.startsWith(prompt) === true);
}

/** The system turns at the beginning, and the rest. */
function parted(turns: readonly Turn[]): [readonly Turn[], readonly Turn[]] {
  const at = turns.findIndex((t) => t.role !== 'system');
  return at < 0 ? [turns, []] : [turns.slice(0, at), turns.slice(at)];
}

/** Messages of a response after, or in place of, those of the context. */
export function joinLists(context: Context, turns: readonly Turn[], field: string): Turn[] {
  const [inPrompt, asked] = parted(context.before);
  const system = [...context.system, ...inPrompt];
  const [own, rest] = parted(turns);
  const opens = rest[0]?.role;
  const goesOn = asked.at(-1)?.role === 'assistant' && opens === 'user';
  const repeated = opens === 'user' && (asked.length === 0 || covers(rest, asked));
  if (opens === 'user' && !repeated && !goesOn) {
    throw new NotUnderstood(
      `${field} begins with a user's turn that differs from the prompt's; expected the same prompt, or a list that begins with the assistant's turn`,
      rest[0]?.place ?? rest[0]?.pieces?.[0],
    );
  }
  const whole = repeated ? rest : follow(asked, rest, field);
  const differs = system.find(
    (s) => own.length > 0 && !own.some((o) => sameText(o.content, s.content)),
  );
  if (differs !== undefined) {
    throw new NotUnderstood(
      `${field} begins with another system message than the record's; expected one system text`,
      own[0]?.place ?? own[0]?.pieces?.[0],
    );
  }
  return [...(own.length > 0 ? own : system), ...whole];
}

/** An answer after the assistant's own last turn is no answer to anything. */
function follow(before: readonly Turn[], answer: readonly Turn[], field: string): Turn[] {
  const last = before.at(-1);
  if (last?.role === 'assistant' && !onlyCalls(last) && answer[0]?.role === 'assistant') {
    throw new NotUnderstood(
      `the turns before ${field} end with the assistant's; expected the user's`,
      last.place ?? last.pieces?.[0],
    );
  }
  return [...before, ...answer];
}

/** Names of an answer's text in an object that has no role. */
const INNER = [...TEXTS, ...RESPONSES];

function innerText(node: RecordNode, field: string, strict: boolean): ValueNode {
  const held = strict ? onlyField(node, INNER) : find(node, INNER);
  if (held !== undefined) return held.node;
  throw new NotUnderstood(
    `${field} is ${describe(node)}; expected a text, a message with role and content, or a list of messages`,
    whereIs(node),
  );
}

/**
 * The whole conversation that ends with a response.
 * @param repeats the response begins with the whole prompt
 * @param strict an object without a role must hold nothing but its text
 * @throws NotUnderstood
 */
export function answered(
  context: Context,
  given: ValueNode,
  field: string,
  notes: Notes,
  { repeats = false, strict = true } = {},
): Turn[] {
  const turns = turnsOf(context, unfold(given, field), field, notes, repeats, strict);
  if (turns.some((t) => t.role === 'assistant')) accountFor(context, turns, field);
  return turns;
}

function turnsOf(
  context: Context,
  node: ValueNode,
  field: string,
  notes: Notes,
  repeats: boolean,
  strict: boolean,
): Turn[] {
  const after = (turn: Turn): Turn[] => [
    ...context.system,
    ...follow(context.before, [turn], field),
  ];
  const text = textOf(node);
  if (text !== undefined) return textAnswer(context, text, field, after, repeats);
  const message = asMessage(node);
  if (message !== undefined) return joinLists(context, oneMessage(message, field, notes), field);
  const turns = listTurns(node, field, notes);
  if (turns !== undefined) {
    // Where nothing is an answer, no place in the conversation is looked for.
    const answers = turns.some((t) => t.role === 'assistant');
    return answers ? joinLists(context, turns, field) : turns;
  }
  if (node.kind === 'record') {
    const messages = node.fields.get('messages');
    const inner = messages?.kind === 'list' ? messages : innerText(node, field, strict);
    const found = unfold(inner, field);
    if (found.kind !== 'record') return turnsOf(context, found, field, notes, repeats, strict);
  }
  throw new NotUnderstood(
    `${field} is ${describe(node)}; expected a text or a list of messages with role and content`,
    whereIs(node),
  );
}

function textAnswer(
  context: Context,
  text: TextNode,
  field: string,
  after: (turn: Turn) => Turn[],
  repeats: boolean,
): Turn[] {
  const { value } = text;
  const asked = repeats ? context.asked!.value.trimEnd().length : 0;
  // The prompt alone: an empty answer.
  if (repeats && value.trimEnd().length === asked)
    return after(textTurn('assistant', text, value.length, value.length));
  if (markupTurns(value) !== undefined) return joinLists(context, turnsOfText(text), field);
  const bare = context.before.length === 0;
  if ((bare || repeats) && asksInTranscript(value))
    return [...context.system, ...turnsOfText(text)];
  // The prompt's template closes the answer too.
  const marked = context.asked !== undefined && markupTurns(context.asked.value) !== undefined;
  const to = marked ? beforeMarks(value, 0, value.length) : value.length;
  if (!repeats) return after(textTurn('assistant', text, 0, to));
  const range = trimRange(value, asked, to);
  return after(textTurn('assistant', text, range.from, range.to));
}

/** A list of answers, none of them a message: a list of texts, or of lists of messages. */
export const isListOfAnswers = (node: ValueNode): node is ListNode =>
  node.kind === 'list' &&
  node.items.length > 0 &&
  !node.items.some((n) => n.kind === 'record') &&
  node.items.every((n) => textOf(n) !== undefined || isMessages(n));
