import { isBlank } from '../../blank.js';
import type { RecordNode, ValueNode } from '../json/tree.js';
import type { TextNode } from '../text.js';
import { asksInTranscript } from '../markdown/chat-markup.js';
import type { Turn } from '../types.js';
import {
  absent,
  describe,
  filled,
  find,
  HISTORIES,
  LISTS,
  MEDIA,
  NotUnderstood,
  onlyField,
  PROMPTS,
  SYSTEMS,
  TEXTS,
  TOOLS,
  textOf,
  whereIs,
} from './fields.js';
import { asMessage, listTurns, oneMessage } from './messages.js';
import { unfold } from './nested.js';
import { digestOf, emptyContent, readContent } from './parts.js';
import { joinedTurn, textTurn, turnsOfText, type Notes } from './turns.js';

/** A field that says something of what precedes the responses, and what it says. */
interface Source {
  readonly field: string;
  readonly node: ValueNode;
  readonly turns: readonly Turn[];
}

/** What precedes the responses of a record. */
export interface Context {
  readonly system: readonly Turn[];
  /** Earlier turns and the prompt. */
  readonly before: readonly Turn[];
  /** All fields that were read for it: none of them may be lost. */
  readonly sources: readonly Source[];
  /** The prompt's own text, where it is one. */
  readonly asked: TextNode | undefined;
  /** Is there a field for a prompt, filled or not? */
  readonly prompted: boolean;
}

/** The turns that a field gives: messages, a transcript, or a text of the role. @throws NotUnderstood */
function contextTurns(field: string, given: ValueNode, role: string, notes: Notes): Turn[] {
  const node = unfold(given, field);
  const text = textOf(node);
  if (text !== undefined) {
    if (role === 'system' || !asksInTranscript(text.value)) return [textTurn(role, text)];
    const turns = turnsOfText(text);
    // `...\n\nAssistant:` only invites the answer.
    if (turns.at(-1)?.role === 'assistant' && turns.at(-1)?.content === '') turns.pop();
    return turns;
  }
  const message = asMessage(node);
  if (message !== undefined) return oneMessage(message, field, notes);
  const turns = listTurns(node, field, notes);
  if (turns !== undefined) return turns;
  if (node.kind === 'record') {
    const parts = emptyContent();
    if (node.fields.size === 1) readContent(node.fields.get('parts'), field, parts);
    if (parts.texts.length > 0) return [joinedTurn(role, parts.texts, '')];
    const inner = onlyField(node, [...TEXTS, 'messages']);
    if (inner !== undefined) return contextTurns(`${field}.${inner.name}`, inner.node, role, notes);
  }
  const expected =
    role === 'system'
      ? 'a text'
      : 'a text, or a list of messages with role and content (or from and value)';
  throw new NotUnderstood(
    `the field '${field}' is ${describe(node)}; expected ${expected}`,
    whereIs(node),
  );
}

const isEmpty = (node: ValueNode): boolean => {
  const text = textOf(node);
  return !filled(node) || (text !== undefined && isBlank(text.value));
};

/** A history without turns, as JSON in a string. */
const NO_TURNS = /^\s*\[\s*\]\s*$/;

type Field = readonly [name: string, node: ValueNode];
interface Fields {
  readonly systems: Field[];
  readonly histories: Field[];
  readonly prompts: Field[];
  readonly lists: Field[];
  /** Is there a field for a prompt, filled or not? */
  prompted: boolean;
}
const GROUPS = { systems: SYSTEMS, histories: HISTORIES, prompts: PROMPTS, lists: LISTS } as const;
const GROUP_OF = new Map(
  (Object.keys(GROUPS) as (keyof typeof GROUPS)[]).flatMap((group) =>
    GROUPS[group].map((name) => [name, group] as const),
  ),
);

/**
 * The fields that are there and not empty, in the order of their names above; undefined when none is
 * there at all. A record has few fields and the names are many: the fields are looked up.
 */
function fieldsOf(record: RecordNode, used: readonly string[]): Fields | undefined {
  let found: Fields | undefined;
  for (const [name, node] of record.fields) {
    const group = GROUP_OF.get(name);
    if (group === undefined || used.includes(name) || absent(node)) continue;
    found ??= { systems: [], histories: [], prompts: [], lists: [], prompted: false };
    if (group === 'prompts') found.prompted = true;
    if (isEmpty(node) || (group === 'histories' && NO_TURNS.test(textOf(node)?.value ?? '')))
      continue;
    const names = GROUPS[group];
    const rank = names.indexOf(name);
    const list = found[group];
    const at = list.findIndex(([other]) => names.indexOf(other) > rank);
    list.splice(at < 0 ? list.length : at, 0, [name, node]);
  }
  return found;
}

const OF_MEDIA: ReadonlySet<string> = new Set(MEDIA);
const NO_CONTEXT: Context = {
  system: [],
  before: [],
  sources: [],
  asked: undefined,
  prompted: false,
};

/** Same text but for white space at the ends and kinds of line ends. */
export const sameText = (a: string, b: string): boolean =>
  a === b || a.trim().replaceAll('\r\n', '\n') === b.trim().replaceAll('\r\n', '\n');

/**
 * What a record says of the time before its responses.
 * @param used fields that are read as something else
 */
export function contextOf(record: RecordNode, used: readonly string[], notes: Notes): Context {
  const found = fieldsOf(record, used);
  if (found === undefined) return NO_CONTEXT;
  const { histories, prompts, lists, prompted } = found;
  const sources: Source[] = [];
  const read = ([field, node]: Field, role = 'user'): Turn[] => {
    const turns = contextTurns(field, node, role, notes);
    sources.push({ field, node, turns });
    return turns;
  };
  let system = found.systems.map((entry) => read(entry, 'system'))[0] ?? [];
  const earlier = histories.map((entry) => read(entry));
  const listed = lists.map(([field, node]) => {
    const text = textOf(unfold(node, field));
    if (text === undefined || asksInTranscript(text.value)) return read([field, node]);
    const message = `the field '${field}' is a text that is no transcript; expected a list of messages with role and content`;
    throw new NotUnderstood(message, whereIs(node));
  });
  const asked = prompts.map((entry) => read(entry));
  let before = asked[0] ?? listed[0] ?? [];
  let text = prompts[0] && textOf(prompts[0][1]);
  if (prompts[0]?.[0] === 'instruction' && prompts.length === 2) {
    // Alpaca's instruction and what it is about.
    const parts = ['instruction', 'input', 'context'].flatMap((name) => {
      const node = prompts.find(([field]) => field === name)?.[1];
      return textOf(node) ?? [];
    });
    if (parts.length === 2) {
      before = [joinedTurn('user', parts, '\n\n')];
      text = undefined;
    }
  }
  const [past] = earlier;
  if (past !== undefined) {
    // A text of earlier turns beside a prompt does not tell who said what.
    const plain = past.length === 1 && past[0]!.role === 'user' && before.length > 0;
    if (plain && !covers(before, past)) {
      const [field, node] = histories[0]!;
      const message = `the field '${field}' is ${describe(node)} of one turn beside a prompt; expected a list of messages with role and content, or of pairs`;
      throw new NotUnderstood(message, whereIs(node));
    }
    if (!covers(before, past)) before = [...past, ...before];
  }
  const [stated, opening] = [system[0], before[0]];
  if (stated !== undefined && opening?.role === 'system') {
    if (!sameText(stated.content, opening.content)) {
      const [field, node] = found.systems[0]!;
      const message = `the field '${field}' holds a system text that differs from that of the prompt's messages; expected one system text. Name the fields that count in a mapping`;
      throw new NotUnderstood(message, whereIs(node));
    }
    system = [];
  }
  const empty =
    before.length === 0 && prompted
      ? find(
          record,
          PROMPTS.filter((name) => !used.includes(name)),
        )?.node
      : undefined;
  if (empty !== undefined) {
    notes.add('blank-prompt', 'the prompt is empty; expected a text', whereIs(empty));
    const blank = textOf(empty);
    if (blank !== undefined) before = [textTurn('user', blank)];
  } else if (
    before.length > 0 &&
    before.every((t) => isBlank(t.content) && t.tool_calls === undefined)
  ) {
    const only = before.flatMap((t) => t.unread?.kinds ?? []);
    const why = only.length === 0 ? 'is empty' : `holds no text, only ${only.join(', ')}`;
    notes.add('blank-prompt', `the prompt ${why}; expected a text`, undefined);
  }
  return { system, before, sources, asked: text, prompted };
}

/** Descriptions of tools, as structure or as JSON in a string; documents may be a text as well. */
function describesTools(name: string, node: ValueNode): boolean {
  if (!TOOLS.includes(name)) return false;
  const text = textOf(node)?.value;
  if (text === undefined) return node.kind !== 'scalar';
  return name === 'documents'
    ? !isBlank(text) && !NO_TURNS.test(text)
    : /^\s*(?:\[\s*)?\{\s*"/.test(text);
}

/** Fields with pictures, descriptions of tools and the like beside the messages. */
export function mediaOf(record: RecordNode): readonly Field[] {
  let found: Field[] | undefined;
  for (const [name, node] of record.fields)
    if ((OF_MEDIA.has(name) && !absent(node) && !isEmpty(node)) || describesTools(name, node))
      if (filled(node)) (found ??= []).push([name, node]);
  return found ?? [];
}

/** Says that what stands beside the messages is not seen, and gives them to the first turn. */
export function withMedia(
  found: readonly Field[],
  turns: readonly Turn[],
  notes: Notes,
): readonly Turn[] {
  const first = turns[0];
  if (first === undefined) return turns;
  for (const [field, node] of found) {
    const why = TOOLS.includes(field)
      ? 'is not given to the chat template: the score is of the talk without it'
      : 'is not read by a reward model of text: the score is of the text alone';
    notes.add('unread-part', `the field '${field}' ${why}`, whereIs(node));
  }
  const digest = [first.unread?.digest ?? '', ...found.map(([, node]) => digestOf(node))].join(' ');
  const kinds = [...(first.unread?.kinds ?? []), ...found.map(([field]) => field)];
  return [{ ...first, unread: { kinds, digest } }, ...turns.slice(1)];
}

/** Are all turns of `some` part of `turns`, in order? An answer at the end may be another one. */
export function covers(turns: readonly Turn[], some: readonly Turn[]): boolean {
  const last = some.findLastIndex((t) => t.role !== 'assistant');
  let at = 0;
  for (let i = 0; i <= last; i++) {
    const turn = some[i]!;
    while (at < turns.length && !holds(turns[at]!, turn)) at++;
    if (at === turns.length) return false;
    // Not past it: one turn may hold instruction and input.
  }
  return true;
}

/** Whole lines: a prompt `No` is no part of `Nothing`. */
const lines = (text: string): string => `\n${text.replaceAll('\r\n', '\n').trim()}\n`;
const holds = (turn: Turn, part: Turn): boolean =>
  turn.role === part.role &&
  (sameText(turn.content, part.content) || lines(turn.content).includes(lines(part.content)));

/** @throws NotUnderstood when a field that was read for the context is in none of the turns */
export function accountFor({ sources }: Context, turns: readonly Turn[], reading: string): void {
  for (const { field, node, turns: said } of sources) {
    if (covers(turns, said)) continue;
    const role = said.every((t) => t.role === 'system') ? 'system text' : 'prompt';
    throw new NotUnderstood(
      `the field '${field}' holds a ${role} that differs from that of ${reading}; expected one ${role}. Name the fields that count in a mapping`,
      whereIs(node),
    );
  }
}
