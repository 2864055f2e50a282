import type { RecordNode, ValueNode } from '../json/tree.js';
import type { TextNode } from '../text.js';
import type { Place } from '../types.js';

/** Names of fields, as published data sets use them; the first that is filled counts. */
export const SYSTEMS = [
  'system',
  'system_prompt',
  'system_message',
  'system_instruction',
  'systemInstruction',
];
export const HISTORIES = ['history', 'chat_history', 'conversation_history', 'previous_messages'];
export const PROMPTS = ['prompt', 'question', 'instruction', 'query', 'input', 'context'];
export const LISTS = ['messages', 'conversations', 'conversation', 'contents'];
export const RESPONSES = ['response', 'completion', 'output', 'answer', 'generation'];
export const SETS = ['completions', 'responses', 'candidates', 'outputs', 'generations'];
export const MEDIA = ['images', 'image', 'audios', 'audio', 'videos', 'video'];
/** What some chat templates take beside the messages: descriptions of tools, documents. */
export const TOOLS = ['tools', 'functions', 'documents'];
/** A message's thoughts before its answer. */
export const THOUGHTS = ['reasoning_content', 'reasoning', 'thinking', 'thought'];
export const TEXTS = ['content', 'value', 'text'];
export const ROLES = ['role', 'from', 'speaker', 'author'];

const TEXT_FIELDS: ReadonlySet<string> = new Set([
  ...[SYSTEMS, HISTORIES, PROMPTS, LISTS, RESPONSES, SETS].flat(),
  'chosen',
  'rejected',
]);

/** A record whose fields of texts have the names of above, where hands wrote them with capitals or blanks (`Prompt`). */
export function plainlyNamed(record: RecordNode): RecordNode {
  const { fields } = record;
  const plain = (name: string): string => {
    if (TEXT_FIELDS.has(name)) return name;
    const other = name.replace(/^ +| +$/g, '').toLowerCase();
    return TEXT_FIELDS.has(other) && !fields.has(other) ? other : name;
  };
  let odd = false;
  for (const name of fields.keys()) odd ||= plain(name) !== name;
  if (!odd) return record;
  const renamed = [...fields].map(([name, node]) => [plain(name), node] as const);
  return { ...record, fields: new Map(renamed) };
}

/** A record, or a field of it, that has no reading. The message names the field. */
export class NotUnderstood extends Error {
  constructor(
    message: string,
    readonly place?: Place,
    /** Nothing of it is known. */
    readonly foreign?: true,
  ) {
    super(message);
  }
}

/** The text of a string, number or boolean, as it is written. */
export const textOf = (n: ValueNode | undefined): TextNode | undefined =>
  n?.kind === 'text' ? n : n?.kind === 'scalar' ? n.text : undefined;

/** Nothing is there: null, or NaN, which Python writes for a missing value. */
export const absent = (n: ValueNode | undefined): n is undefined =>
  n === undefined || (n.kind === 'scalar' && n.text === undefined && n.bytes === undefined);

/** There is something to read: no null, no empty text, no empty list or object. */
export function filled(n: ValueNode | undefined): n is ValueNode {
  if (n === undefined) return false;
  if (n.kind === 'list') return n.items.length > 0;
  if (n.kind === 'record') return n.fields.size > 0;
  const text = textOf(n);
  return text !== undefined && text.value !== '';
}

/** Name and value of the first of `names` that is filled; else of the first that is there at all. */
export function find(
  record: RecordNode,
  names: readonly string[],
): { name: string; node: ValueNode } | undefined {
  let empty: { name: string; node: ValueNode } | undefined;
  for (const name of names) {
    const node = record.fields.get(name);
    if (node === undefined || absent(node)) continue;
    if (filled(node)) return { name, node };
    empty ??= { name, node };
  }
  return empty;
}

export const pick = (record: RecordNode, names: readonly string[]): ValueNode | undefined =>
  find(record, names)?.node;

/** Fields of an object that are about its text, and no text of their own. */
const ABOUT =
  /^(?:model|name|label|source|type|id|uuid|lang|language|rank|reason|tools?|parallel_tool_calls|.*(?:_id|_name|model|score|rating|rationale|critique|style|source))$/i;

/** The first of `names` that is filled, where nothing else of the object could be meant. */
export function onlyField(
  record: RecordNode,
  names: readonly string[],
): { name: string; node: ValueNode } | undefined {
  const held = find(record, names);
  const others = [...record.fields].filter(
    ([k, v]) => k !== held?.name && filled(v) && !ABOUT.test(k),
  );
  return others.length === 0 ? held : undefined;
}

/** Every text of a value, in order. */
export function textsIn(node: ValueNode): TextNode[] {
  if (node.kind === 'list') return node.items.flatMap(textsIn);
  if (node.kind === 'record') return [...node.fields.values()].flatMap(textsIn);
  const text = textOf(node);
  return text === undefined ? [] : [text];
}

/** Where a value stands: its first text, for lists and objects have no place of their own. */
export function whereIs(node: ValueNode | undefined): Place | undefined {
  const text = node && textsIn(node)[0];
  return text && (text.place() ?? text.nestedPlace?.());
}

/** A value in the words of a message: what was found where something else was expected. */
export function describe(node: ValueNode | undefined): string {
  if (node === undefined) return 'nothing';
  switch (node.kind) {
    case 'text':
      return node.value === '' ? 'an empty text' : 'a text';
    case 'scalar':
      if (node.bytes !== undefined) return `${node.bytes.length} bytes that are no UTF-8 text`;
      return node.value === null ? 'null' : `a ${typeof node.value}`;
    case 'list': {
      if (node.items.length === 0) return 'an empty list';
      const kinds = new Set(node.items.map((i) => i.kind));
      const [kind] = kinds;
      if (kinds.size > 1) return 'a list of several kinds of values';
      if (kind === 'record') return 'a list of objects that are not all messages with a role';
      return kind === 'text'
        ? 'a list of texts'
        : `a list of ${kind === 'list' ? 'lists' : 'values'}`;
    }
    case 'record':
      return `an object with the fields ${keys(node)}`;
  }
}

export function keys(record: RecordNode): string {
  const names = [...record.fields.keys()].slice(0, 12).map((k) => `'${k.slice(0, 40)}'`);
  return names.length === 0 ? '(none)' : names.join(', ');
}
