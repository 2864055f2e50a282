import type { ListNode, RecordNode, ValueNode } from '../json/tree.js';
import { normalizeRole, roleName } from '../markdown/transcript.js';
import type { MessageFields, Turn, UnreadParts } from '../types.js';
import {
  absent,
  filled,
  keys,
  MEDIA,
  NotUnderstood,
  ROLES,
  TEXTS,
  THOUGHTS,
  textOf,
  textsIn,
  whereIs,
} from './fields.js';
import { isMessages } from './nested.js';
import {
  callsOfText,
  digestOf,
  emptyContent,
  readCalls,
  readContent,
  type Content,
} from './parts.js';
import { joinedTurn, piecesOf, type Notes } from './turns.js';

/** The role's text: a string, or an object that holds it (`author: {role}`). */
function roleOf(message: RecordNode): ValueNode | undefined {
  for (const name of ROLES) {
    const node = message.fields.get(name);
    if (node?.kind === 'record') return node.fields.get('role');
    if (textOf(node) !== undefined) return node;
  }
  return undefined;
}

/** The node as a message: an object with a role. */
export const asMessage = (node: ValueNode): RecordNode | undefined =>
  node.kind === 'record' && textOf(roleOf(node)) !== undefined ? node : undefined;

const KNOWN = [...TEXTS, 'tool_calls', 'function_call', 'refusal', 'parts'];

function unreadOf(content: Content): UnreadParts | undefined {
  if (content.kinds.size === 0) return undefined;
  const digest = content.media.map((m) => m.digest).join(' ');
  return { kinds: [...content.kinds], ...(digest !== '' && { digest }) };
}

/** The turns of one message: one, and before it those of tools' results that it holds. */
function messageTurns(message: RecordNode, field: string, ordinal: string, notes: Notes): Turn[] {
  const roleText = textOf(roleOf(message))!;
  const written = roleText.value.trim().toLowerCase();
  const where = `${ordinal}${field}`;
  if (!KNOWN.some((name) => message.fields.has(name))) {
    const message1 = `${where} has the fields ${keys(message)}; expected a role and content`;
    throw new NotUnderstood(message1, whereIs(message));
  }
  let role = normalizeRole(written);
  const others = ROLES.map((name) => textOf(message.fields.get(name))?.value ?? '')
    .filter((name) => roleName(name) !== undefined)
    .map(normalizeRole);
  if (new Set(others).size > 1)
    throw new NotUnderstood(`${where} has two roles that differ, among its fields ${keys(message)}; expected one`, whereIs(message)); // prettier-ignore
  if (roleName(written) === undefined) {
    const place = roleText.place() ?? roleText.nestedPlace?.();
    const said = roleText.value.slice(0, 40);
    notes.add(
      'unknown-role',
      `${where} has the role '${said}'; expected system, user, assistant or tool. It is given to the chat template as it is`,
      place,
    );
  }
  const content = emptyContent();
  const texts = TEXTS.map((name) => message.fields.get(name)).filter((n) => !absent(n));
  const [one, two] = texts.filter(filled).map(textOf);
  if (one !== undefined && two !== undefined && one.value !== two.value) {
    const message2 = `${where} has two texts that differ, among its fields ${keys(message)}; expected one`;
    throw new NotUnderstood(message2, whereIs(message));
  }
  const parts = message.fields.get('parts');
  if (written === 'function_call' && textOf(texts[0]) !== undefined) {
    role = 'assistant';
    callsOfText(textOf(texts[0])!, where, content);
  } else {
    readContent(texts[0] ?? parts, where, content);
  }
  const refusal = textOf(message.fields.get('refusal'));
  if (refusal !== undefined && refusal.value !== '') {
    if (content.texts.some((t) => t.value !== '' && t.value !== refusal.value))
      throw new NotUnderstood(`${where} has a text and a refusal that differ; expected one of them`, whereIs(message)); // prettier-ignore
    content.texts.splice(0, Infinity, refusal);
  }
  readCalls(message, where, content);
  if (THOUGHTS.some((name) => filled(message.fields.get(name)))) content.kinds.add('thinking');
  for (const kind of MEDIA) {
    const node = message.fields.get(kind);
    if (!filled(node)) continue;
    content.kinds.add(kind);
    content.media.push({ kind, place: whereIs(node), digest: digestOf(node) });
  }
  for (const { kind, place } of content.media) {
    const text = `${where} holds a part of the kind '${kind.slice(0, 40)}', which a reward model of text cannot read: the score is of the text alone`;
    notes.add('unread-part', text, place);
  }
  const unread = unreadOf(content);
  const thought = content.kinds.has('thinking') && content.texts.length === 0;
  if (thought && role === 'assistant' && content.calls.length === 0) {
    const text = `${where} holds thoughts and no answer; thoughts are not scored`;
    notes.add('unread-part', text, whereIs(message));
  }
  const turns: Turn[] = content.results.map(({ id, texts: said }) => ({
    ...joinedTurn('tool', said, ''),
    ...(id !== undefined && { tool_call_id: id }),
  }));
  if (turns.length > 0 && content.texts.length === 0 && content.calls.length === 0) return turns;
  const filledTexts = content.texts.filter((t) => t.value !== '');
  const base = joinedTurn(role, filledTexts.length === 0 ? content.texts : filledTexts, '');
  const fields = templateFields(message, role, content);
  const called = content.texts.length === 0 ? piecesOf(content.callNodes.flatMap(textsIn)) : [];
  turns.push({
    ...base,
    ...(called.length > 0 && { pieces: called }),
    ...fields,
    ...(unread !== undefined && { unread }),
  });
  return turns;
}

function templateFields(message: RecordNode, role: string, { calls }: Content): MessageFields {
  if (calls.length > 0) return { tool_calls: calls };
  if (role !== 'tool') return {};
  const name = textOf(message.fields.get('name'))?.value;
  const id = textOf(message.fields.get('tool_call_id'))?.value;
  return { ...(name !== undefined && { name }), ...(id !== undefined && { tool_call_id: id }) };
}

/** An object of lists (a sequence of features, as Hugging Face writes it) as a list of objects. */
function unzip(node: RecordNode): ListNode | undefined {
  if (!isMessages(node)) return undefined;
  const lists = [...node.fields].filter((e): e is [string, ListNode] => e[1].kind === 'list');
  const length = lists[0]?.[1].items.length ?? 0;
  if (lists.some(([, list]) => list.items.length !== length)) {
    const lengths = lists.map(([name, list]) => `${name} ${list.items.length}`).join(', ');
    throw new NotUnderstood(
      `an object of lists must hold lists of one length; found ${lengths}`,
      whereIs(node),
    );
  }
  const items = Array.from({ length }, (_, i) => ({
    kind: 'record' as const,
    fields: new Map(lists.map(([name, list]) => [name, list.items[i]!])),
  }));
  return { kind: 'list', items };
}

/** Question and answer of one exchange: `[q, a]`, or an object with input and output. */
function exchange(node: ValueNode): [ValueNode, ValueNode] | undefined {
  const [asked, said] =
    node.kind === 'list' && node.items.length === 2
      ? node.items
      : node.kind === 'record'
        ? [node.fields.get('input'), node.fields.get('output')]
        : [];
  return asked !== undefined && said !== undefined ? [asked, said] : undefined;
}

/**
 * The turns of a list of messages, of an object of lists, of a list of roles with their texts, or of exchanges.
 * @returns undefined when it is none of them
 */
export function listTurns(node: ValueNode, field: string, notes: Notes): Turn[] | undefined {
  const list = node.kind === 'record' ? unzip(node) : node;
  if (list?.kind !== 'list' || list.items.length === 0) return undefined;
  const { items } = list;
  const messages = items.map(asMessage);
  if (messages.every((m) => m !== undefined)) {
    return messages.flatMap((m, i) => messageTurns(m, field, `message ${i + 1} of `, notes));
  }
  const exchanges = items.map(exchange);
  if (!exchanges.every((e) => e !== undefined)) return undefined;
  const texts = exchanges.map((e) => e.map(textOf));
  if (!texts.every((e) => e.every((t) => t !== undefined))) return undefined;
  // `["user", "Hi"]`: nobody asks in the words of roles alone.
  const roles = texts.map(([role]) => roleName(role!.value));
  if (!roles.includes(undefined) && new Set(roles).size > 1)
    return texts.map(([role, said]) => joinedTurn(normalizeRole(role!.value), [said!], ''));
  return texts.flatMap(([asked, said]) => [
    joinedTurn('user', [asked!], ''),
    joinedTurn('assistant', [said!], ''),
  ]);
}

/** The turns of a single message object. */
export const oneMessage = (node: RecordNode, field: string, notes: Notes): Turn[] =>
  messageTurns(node, field, '', notes);
