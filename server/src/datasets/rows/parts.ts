import { createHash } from 'node:crypto';
import type { RecordNode, ValueNode } from '../json/tree.js';
import { plainValue } from '../columns/plain-values.js';
import type { TextNode } from '../text.js';
import type { Place } from '../types.js';
import { absent, describe, find, keys, NotUnderstood, TEXTS, textOf, whereIs } from './fields.js';
import { parseNested } from './nested.js';

/** What a message's content holds. */
export interface Content {
  readonly texts: TextNode[];
  /** In the shape of transformers' `tool_calls`. */
  readonly calls: unknown[];
  /** Where the calls stand. */
  readonly callNodes: ValueNode[];
  /** Results of tools, which some APIs put into a user's message. */
  readonly results: { readonly id: string | undefined; readonly texts: TextNode[] }[];
  /** Kinds of the parts that are no text of the answer. */
  readonly kinds: Set<string>;
  /** Images, sounds, files: what a reward model of text cannot see. */
  readonly media: { readonly kind: string; readonly place: Place | undefined; digest: string }[];
}

export const emptyContent = (): Content => ({
  texts: [],
  calls: [],
  callNodes: [],
  results: [],
  kinds: new Set(),
  media: [],
});

const THOUGHT = /^(?:redacted_)?(?:thinking|reasoning|thought)/i;
const MEDIA = /image|audio|video|file|document|media/i;
const CALL = /^(?:tool_use|tool_call|function_call|server_tool_use)$/;
const RESULT = /^(?:tool_result|tool_response|function_call_output|.*_tool_result)$/;

export const digestOf = (node: ValueNode): string =>
  createHash('sha256')
    .update(JSON.stringify(plainValue(node)) ?? '')
    .digest('hex')
    .slice(0, 32);

const call = (name: unknown, args: unknown, id: unknown): unknown => ({
  ...(typeof id === 'string' && { id }),
  type: 'function',
  function: { name, arguments: args },
});

/** One part of a content in the manner of OpenAI's and Anthropic's APIs. */
function readPart(part: RecordNode, field: string, into: Content): void {
  const type = textOf(part.fields.get('type'))?.value ?? '';
  const text = find(part, TEXTS);
  const value = (name: string): unknown => {
    const node = part.fields.get(name);
    return node === undefined ? undefined : plainValue(node);
  };
  if (THOUGHT.test(type) || value('thought') === true) {
    into.kinds.add('thinking');
  } else if (CALL.test(type)) {
    const inner = part.fields.get('function');
    const args = value('input') ?? value('arguments') ?? {};
    into.calls.push(
      inner?.kind === 'record' ? plainValue(part) : call(value('name'), args, value('id')),
    );
    into.callNodes.push(part);
  } else if (RESULT.test(type)) {
    const result = emptyContent();
    const content = part.fields.get('content') ?? part.fields.get('output');
    readContent(content, field, result);
    const id = textOf(part.fields.get('tool_use_id') ?? part.fields.get('call_id'))?.value;
    into.results.push({ id, texts: result.texts });
    into.media.push(...result.media);
  } else if (type === 'refusal' || (text === undefined && part.fields.has('refusal'))) {
    const refusal = textOf(part.fields.get('refusal')) ?? textOf(text?.node);
    if (refusal !== undefined) into.texts.push(refusal);
  } else if (text !== undefined && !MEDIA.test(type)) {
    readContent(text.node, field, into);
  } else if (part.fields.get('parts')?.kind === 'list') {
    readContent(part.fields.get('parts'), field, into);
  } else if (type !== 'text') {
    const first = [...part.fields].find(([k, v]) => k !== 'type' && !absent(v))?.[0];
    const kind = type === '' ? (first ?? 'empty') : type;
    into.kinds.add(kind);
    into.media.push({ kind, place: whereIs(part), digest: digestOf(part) });
  }
}

/** A content: a text, a list of parts, or an object that holds one of them. */
export function readContent(node: ValueNode | undefined, field: string, into: Content): void {
  if (node === undefined || absent(node)) return;
  const text = textOf(node);
  if (text !== undefined) into.texts.push(text);
  else if (node.kind === 'record') readPart(node, field, into);
  else if (node.kind === 'list') {
    for (const part of node.items) {
      if (part.kind === 'list')
        throw new NotUnderstood(
          `${field} has a content that is a list of lists; expected a text or a list of parts`,
          whereIs(part),
        );
      readContent(part, field, into);
    }
  }
}

/** `tool_calls` and the older `function_call` of a message. */
export function readCalls(message: RecordNode, field: string, into: Content): void {
  const { fields } = message;
  let calls = fields.get('tool_calls');
  const whole = textOf(calls);
  if (whole !== undefined && whole.value !== '') {
    const inner = parseNested(whole);
    if (inner.ok) calls = inner.node;
  }
  if (calls?.kind === 'list' && calls.items.every((c) => c.kind === 'record')) {
    for (const item of calls.items) {
      const flat = !item.fields.has('function') && item.fields.has('name');
      const plain = plainValue(item);
      into.calls.push(flat ? { type: 'function', function: plain } : plain);
      into.callNodes.push(item);
    }
  } else if (!absent(calls) && textOf(calls)?.value !== '') {
    throw new NotUnderstood(
      `${field} has tool_calls that are ${describe(calls)}; expected a list of objects`,
      whereIs(calls),
    );
  }
  const older = fields.get('function_call');
  if (older?.kind === 'record') {
    into.calls.push({ type: 'function', function: plainValue(older) });
    into.callNodes.push(older);
  } else if (!absent(older) && textOf(older)?.value !== '') {
    throw new NotUnderstood(
      `${field} has a function_call that is ${describe(older)}; expected an object with name and arguments`,
      whereIs(older),
    );
  }
}

/** The calls that a turn of ShareGPT's `function_call` writes as a JSON text. */
export function callsOfText(text: TextNode, field: string, into: Content): void {
  const inner = parseNested(text);
  const node = inner.ok ? inner.node : undefined;
  for (const item of node?.kind === 'list' ? node.items : [node]) {
    const name = item?.kind === 'record' ? textOf(item.fields.get('name')) : undefined;
    if (item?.kind !== 'record' || name === undefined) {
      throw new NotUnderstood(
        `${field} has a function_call that is no JSON object with name and arguments${item?.kind === 'record' ? `, but one with ${keys(item)}` : ''}`,
        whereIs(text),
      );
    }
    into.calls.push({ type: 'function', function: plainValue(item) });
  }
  into.callNodes.push(text);
}
