import type { FieldMapping, Schema } from './formats.js';
import { RESPONSE_NAMES } from './mapping.js';
import type { ValueNode, RecordNode, ListNode } from './json-tree.js';
import type { TextNode } from './text.js';
import { looksLikeHH, normalizeRole, splitHH, trimRange } from './transcript.js';
import type { Conversation, ConversationKind, Place, Turn } from './types.js';

/** What a record was understood as, or what it lacks. */
export type Interpretation =
  | { readonly ok: true; readonly schema: Schema; readonly conversations: readonly Conversation[] }
  | { readonly ok: false; readonly missing: string };

const EXPECTED =
  'chosen and rejected; prompt (or question, instruction) with response, completion, output or completions; ' +
  'messages; conversations; or requests (VS Code chat)';
const PROMPTS = ['prompt', 'question', 'instruction', 'query', 'input', 'context'];
const RESPONSES = ['response', 'completion', 'output', 'answer', 'generation'];
const SETS = ['completions', 'responses', 'candidates', 'outputs', 'generations'];
const TEXTS = ['content', 'value', 'text'];
const ROLES = ['role', 'from', 'speaker', 'author'];

const textOf = (n: ValueNode | undefined): TextNode | undefined =>
  n?.kind === 'text' ? n : undefined;
const listOf = (n: ValueNode | undefined): ListNode | undefined =>
  n?.kind === 'list' ? n : undefined;

/** The first of `names` whose value is a text, a list or an object. */
function pick(record: RecordNode, names: readonly string[]): ValueNode | undefined {
  for (const name of names) {
    const value = record.fields.get(name);
    if (value !== undefined && value.kind !== 'scalar') return value;
  }
  return undefined;
}

/** A turn of decoded characters [from, to) of a text. */
function textTurn(role: string, text: TextNode, from = 0, to = text.value.length): Turn {
  const place = text.place(from, to);
  const content = text.value.slice(from, to);
  if (place !== undefined) return { role, content, place };
  const { near } = text;
  return near === undefined ? { role, content } : { role, content, pieces: [near] };
}

/** A turn joined from several texts: it has pieces, and a place only when there is one piece. */
function joinedTurn(role: string, texts: readonly TextNode[], separator: string): Turn {
  if (texts.length === 1) return textTurn(role, texts[0]!);
  const content = texts.map((t) => t.value).join(separator);
  const pieces = texts.map((t) => t.place()).filter((p): p is Place => p !== undefined);
  return pieces.length === 0 ? { role, content } : { role, content, pieces };
}

const turnsOfText = (text: TextNode): Turn[] =>
  splitHH(text.value).map((t) => textTurn(t.role, text, t.from, t.to));

/** The texts of a message's content: a string, or parts as in OpenAI's API. */
function contentTexts(content: ValueNode | undefined): TextNode[] {
  if (content?.kind === 'text') return [content];
  if (content?.kind === 'record') return contentTexts(pick(content, TEXTS));
  if (content?.kind !== 'list') return [];
  return content.items.flatMap((part) =>
    part.kind === 'record' ? contentTexts(pick(part, TEXTS)) : contentTexts(part),
  );
}

/** One message object (role/content, from/value), or undefined when it has no role. */
function messageTurn(node: ValueNode): Turn | undefined {
  if (node.kind !== 'record') return undefined;
  const role = textOf(pick(node, ROLES));
  if (role === undefined) return undefined;
  const texts = contentTexts(pick(node, TEXTS));
  const name = normalizeRole(role.value);
  return texts.length === 0 ? { role: name, content: '' } : joinedTurn(name, texts, '\n');
}

/** All messages of a list, or undefined when one is no message. */
function messageTurns(node: ValueNode | undefined): Turn[] | undefined {
  if (node?.kind !== 'list' || node.items.length === 0) return undefined;
  const turns: Turn[] = [];
  for (const item of node.items) {
    const turn = messageTurn(item);
    if (turn === undefined) return undefined;
    turns.push(turn);
  }
  return turns;
}

/** The turns that precede a response: messages, an HH transcript, or one user turn. */
function promptTurns(node: ValueNode | undefined): Turn[] {
  if (node === undefined || node.kind === 'scalar') return [];
  if (node.kind === 'record') {
    const turn = messageTurn(node);
    return turn === undefined ? [] : [turn];
  }
  if (node.kind === 'list') return messageTurns(node) ?? [];
  if (!/(?:^|\n\n)Human:/.test(node.value)) return [textTurn('user', node)];
  const turns = turnsOfText(node);
  const last = turns.at(-1);
  // `...\n\nAssistant:` only invites the answer.
  if (last?.role === 'assistant' && last.content === '') turns.pop();
  return turns;
}

/** The whole conversation that ends with `response`. */
function answered(
  prompt: ValueNode | undefined,
  before: Turn[],
  response: ValueNode,
): Turn[] | undefined {
  if (response.kind === 'scalar') return undefined;
  if (response.kind === 'record') {
    const turn = messageTurn(response);
    if (turn !== undefined) return [...before, turn];
    const inner = pick(response, [...RESPONSES, ...TEXTS]);
    return inner === undefined ? undefined : answered(prompt, before, inner);
  }
  if (response.kind === 'list') {
    const turns = messageTurns(response);
    if (turns === undefined) return undefined;
    // Some sets repeat the prompt in each response's message list.
    const repeats =
      turns.length > 1 &&
      turns[0]!.role !== 'assistant' &&
      (before.length === 0 ||
        before.every((t, i) => t.role === turns[i]?.role && t.content === turns[i].content) ||
        before.some(
          (t) =>
            t.role === 'user' && turns.some((u) => u.role === 'user' && u.content === t.content),
        ));
    return repeats ? turns : [...before, ...turns];
  }
  if (
    looksLikeHH(response.value) &&
    /(?:^|\n\n)Human:/.test(response.value) &&
    before.length === 0
  ) {
    return turnsOfText(response);
  }
  const asked = textOf(prompt)?.value;
  if (asked !== undefined && asked !== '' && response.value.startsWith(asked)) {
    if (response.value.length > asked.length) {
      const range = trimRange(response.value, asked.length, response.value.length);
      return [...before, textTurn('assistant', response, range.from, range.to)];
    }
  }
  return [...before, textTurn('assistant', response)];
}

/** Keeps the last assistant turn (chosen, rejected, completion) or all of them (transcript) as targets. */
function conversation(
  kind: ConversationKind,
  label: string,
  turns: readonly Turn[],
): Conversation | undefined {
  const all = turns.flatMap((t, i) => (t.role === 'assistant' ? [i] : []));
  const targets = kind === 'transcript' ? all : all.slice(-1);
  return targets.length === 0 ? undefined : { kind, label, turns, targets };
}

/** Length of the beginning that two texts share, ended at a word's start as TRL's extract_prompt does. */
function sharedBeginning(a: string, b: string): number {
  const max = Math.min(a.length, b.length);
  let n = 0;
  while (n < max && a.charCodeAt(n) === b.charCodeAt(n)) n++;
  if (n === a.length || n === b.length) return 0; // one is the other's beginning: nothing tells the prompt
  while (n > 0 && !/\s/.test(a[n - 1]!)) n--;
  return n;
}

function pair(
  prompt: ValueNode | undefined,
  before: Turn[],
  chosen: ValueNode,
  rejected: ValueNode,
): Interpretation {
  const nodes = [chosen, rejected] as const;
  const kinds = ['chosen', 'rejected'] as const;
  const conversations: Conversation[] = [];
  const bare = before.length === 0;
  const shared =
    bare && chosen.kind === 'text' && rejected.kind === 'text' && !looksLikeHH(chosen.value)
      ? sharedBeginning(chosen.value, rejected.value)
      : 0;
  for (const [i, node] of nodes.entries()) {
    let turns: Turn[] | undefined;
    if (shared > 0 && node.kind === 'text') {
      const ask = trimRange(node.value, 0, shared);
      const say = trimRange(node.value, shared, node.value.length);
      turns = [
        ...(ask.to > ask.from ? [textTurn('user', node, ask.from, ask.to)] : []),
        textTurn('assistant', node, say.from, say.to),
      ];
    } else {
      turns = answered(prompt, before, node);
    }
    const made = turns && conversation(kinds[i]!, kinds[i]!, turns);
    if (made === undefined) {
      return {
        ok: false,
        missing: `${kinds[i]} holds no assistant turn; expected a text or a list of messages`,
      };
    }
    conversations.push(made);
  }
  const hh = bare && chosen.kind === 'text' && looksLikeHH(chosen.value);
  return { ok: true, schema: hh ? 'hh' : 'preference', conversations };
}

/** One completion of several: a text, or an object with the text and the model's name. */
function completionLabel(node: ValueNode, ordinal: number): string {
  if (node.kind !== 'record') return String(ordinal);
  return (
    textOf(pick(node, ['model', 'model_name', 'name', 'label', 'source']))?.value ?? String(ordinal)
  );
}

function completionSet(
  prompt: ValueNode | undefined,
  before: Turn[],
  list: ListNode,
): Interpretation {
  const conversations: Conversation[] = [];
  for (const [i, item] of list.items.entries()) {
    const turns = answered(prompt, before, item);
    const made = turns && conversation('completion', completionLabel(item, i), turns);
    if (made === undefined)
      return {
        ok: false,
        missing: `completion ${i} holds no text; expected a string, or an object with response, content or text`,
      };
    conversations.push(made);
  }
  if (conversations.length === 0) return { ok: false, missing: 'the list of completions is empty' };
  return { ok: true, schema: 'completions', conversations };
}

/**
 * VS Code's "Chat: Export Chat": requests[].message.text and the Markdown parts of
 * requests[].response[]. Progress, tool calls and references are no text of the answer.
 */
function vscodeChat(requests: ListNode): Interpretation {
  const turns: Turn[] = [];
  for (const request of requests.items) {
    if (request.kind !== 'record') continue;
    const message = request.fields.get('message');
    const asked = message?.kind === 'record' ? textOf(message.fields.get('text')) : textOf(message);
    if (asked !== undefined) turns.push(textTurn('user', asked));
    const texts: TextNode[] = [];
    for (const part of listOf(request.fields.get('response'))?.items ?? []) {
      if (part.kind !== 'record') continue;
      const kind = textOf(part.fields.get('kind'))?.value;
      if (kind !== undefined && kind !== 'markdownContent' && kind !== 'markdown') continue;
      const content = part.fields.get('content');
      const text =
        textOf(part.fields.get('value')) ??
        (content?.kind === 'record' ? textOf(content.fields.get('value')) : textOf(content));
      if (text !== undefined && text.value !== '') texts.push(text);
    }
    if (texts.length > 0) turns.push(joinedTurn('assistant', texts, ''));
  }
  const made = conversation('transcript', 'transcript', turns);
  return made === undefined
    ? { ok: false, missing: 'requests hold no answer; expected response parts with a value' }
    : { ok: true, schema: 'vscode-chat', conversations: [made] };
}

function transcript(
  schema: Schema,
  node: ValueNode,
  before: Turn[],
  field: string,
): Interpretation {
  const turns =
    node.kind === 'text' && looksLikeHH(node.value) ? turnsOfText(node) : messageTurns(node);
  const made = turns && conversation('transcript', 'transcript', [...before, ...turns]);
  return made === undefined
    ? {
        ok: false,
        missing: `${field} holds no assistant turn; expected a list of messages with role and content (or from and value)`,
      }
    : { ok: true, schema, conversations: [made] };
}

/** The node at a dotted path. */
export function nodeAt(root: ValueNode, path: string): ValueNode | undefined {
  if (root.kind === 'record') {
    const whole = root.fields.get(path);
    if (whole !== undefined) return whole;
    // Longest key first, so that keys with dots are found.
    for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
      const child = root.fields.get(path.slice(0, dot));
      const found = child && nodeAt(child, path.slice(dot + 1));
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (root.kind !== 'list') return undefined;
  const [head, ...rest] = path.split('.');
  const item = /^\d+$/.test(head!) ? root.items[Number(head)] : undefined;
  return item === undefined || rest.length === 0 ? item : nodeAt(item, rest.join('.'));
}

function mapped(root: ValueNode, mapping: FieldMapping): Interpretation {
  const get = (name: keyof FieldMapping): ValueNode | undefined => {
    const path = mapping[name];
    const node = path === undefined ? undefined : nodeAt(root, path);
    return node?.kind === 'scalar' ? undefined : node;
  };
  const absent = (
    ['prompt', 'chosen', 'rejected', 'response', 'messages', 'completions'] as const
  ).find((name) => mapping[name] !== undefined && get(name) === undefined);
  if (absent !== undefined)
    return {
      ok: false,
      missing: `the mapping takes ${absent} from '${mapping[absent]}', which holds no text here`,
    };
  const system = textOf(get('system'));
  const head = system === undefined ? [] : [textTurn('system', system)];
  const prompt = get('prompt');
  const before = [...head, ...promptTurns(prompt)];
  const [chosen, rejected, response, messages, completions] = [
    get('chosen'),
    get('rejected'),
    get('response'),
    get('messages'),
    get('completions'),
  ];
  const done = (result: Interpretation): Interpretation =>
    result.ok ? { ...result, schema: 'mapped' } : result;
  if (chosen !== undefined && rejected !== undefined)
    return done(pair(prompt, before, chosen, rejected));
  if (completions?.kind === 'list') return done(completionSet(prompt, before, completions));
  const single = response ?? chosen ?? rejected;
  if (single !== undefined)
    return done(completionSet(prompt, before, { kind: 'list', items: [single] }));
  if (messages !== undefined)
    return done(transcript('messages', messages, head, mapping.messages ?? 'messages'));
  return {
    ok: false,
    missing: 'the mapping names no chosen, rejected, response, messages or completions',
  };
}

/** PKU-style fields response_0, response_1, answer_a, ... in their order. */
function numbered(record: RecordNode): [string, TextNode][] {
  return [...record.fields].flatMap(([key, node]): [string, TextNode][] =>
    /^(?:response|answer|completion|output)_(?:\d+|[a-d])$/.test(key) && node.kind === 'text'
      ? [[key, node]]
      : [],
  );
}

/** Has a record one of the fields that a mapping takes a response from? */
export const concerns = (root: ValueNode, mapping: FieldMapping): boolean =>
  RESPONSE_NAMES.some((name) => {
    const path = mapping[name];
    return path !== undefined && nodeAt(root, path) !== undefined;
  });

/** Says which conversations a record holds: by the mapping where given, else by its fields. */
export function interpret(root: ValueNode, mapping?: FieldMapping): Interpretation {
  if (mapping !== undefined && Object.values(mapping).some((v) => v !== undefined))
    return mapped(root, mapping);
  if (root.kind === 'list') return transcript('messages', root, [], 'the list');
  if (root.kind !== 'record')
    return { ok: false, missing: `found a bare value, expected an object with ${EXPECTED}` };
  const f = root.fields;
  const requests = f.get('requests');
  if (requests?.kind === 'list') return vscodeChat(requests);

  const system = textOf(pick(root, ['system', 'system_prompt']));
  const head = system === undefined || system.value === '' ? [] : [textTurn('system', system)];
  const chosen = pick(root, ['chosen']);
  const rejected = pick(root, ['rejected']);
  const list =
    listOf(pick(root, ['messages'])) ?? listOf(pick(root, ['conversations', 'conversation']));
  const asked = pick(root, PROMPTS);
  const context = chosen !== undefined ? (asked ?? list) : asked;
  const before = [...head, ...promptTurns(context)];
  if (chosen !== undefined && rejected !== undefined)
    return pair(context, before, chosen, rejected);
  if (chosen !== undefined || rejected !== undefined) {
    return {
      ok: false,
      missing: `${chosen === undefined ? 'chosen' : 'rejected'} is missing; a pair needs chosen and rejected`,
    };
  }
  const set = SETS.map((name) => f.get(name)).find((n) => n?.kind === 'list');
  if (set?.kind === 'list') return completionSet(context, before, set);
  if (f.has('messages') && list !== undefined)
    return transcript('messages', list, head, 'messages');
  if (list !== undefined) return transcript('sharegpt', list, head, 'conversations');

  const instruction = textOf(f.get('instruction'));
  const input = textOf(f.get('input'));
  const response = pick(root, RESPONSES);
  if (response !== undefined && asked !== undefined) {
    const alpaca = instruction !== undefined && asked === instruction;
    const turns =
      alpaca && input !== undefined && input.value.trim() !== ''
        ? answered(undefined, [...head, joinedTurn('user', [instruction, input], '\n\n')], response)
        : answered(asked, before, response);
    const label = f.get('label');
    const verdict =
      label?.kind === 'scalar' && typeof label.value === 'boolean'
        ? label.value
          ? 'desirable'
          : 'undesirable'
        : 'response';
    const made = turns && conversation('completion', verdict, turns);
    if (made === undefined)
      return {
        ok: false,
        missing: 'the response holds no text; expected a string or a list of messages',
      };
    return { ok: true, schema: alpaca ? 'alpaca' : 'prompt-response', conversations: [made] };
  }
  const several = numbered(root);
  if (several.length > 0 && asked !== undefined) {
    const conversations = several.flatMap(([label, node]) => {
      const turns = answered(asked, before, node);
      const made = turns && conversation('completion', label, turns);
      return made === undefined ? [] : [made];
    });
    return { ok: true, schema: 'completions', conversations };
  }
  const text = textOf(f.get('text')) ?? textOf(f.get('transcript'));
  if (text !== undefined && looksLikeHH(text.value)) return transcript('hh', text, head, 'text');
  const keys = [...f.keys()]
    .slice(0, 12)
    .map((k) => `'${k.slice(0, 40)}'`)
    .join(', ');
  return {
    ok: false,
    missing: `found the fields ${keys === '' ? '(none)' : keys}; expected ${EXPECTED}`,
  };
}
