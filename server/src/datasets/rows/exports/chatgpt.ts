import type { RecordNode, ValueNode } from '../../json/tree.js';
import { textOf } from '../fields.js';
import { at, has, itemsAt, listOf, message, recordOf, said, word, type Export } from './rewrite.js';

/** What a message of ChatGPT's export says; undefined where nothing that was said. */
function turnOf(given: ValueNode): RecordNode | undefined {
  const role = said(given, 'author', 'role');
  const content = at(given, 'content');
  if (role === undefined || content === undefined) return undefined;
  const kind = said(content, 'content_type') ?? 'text';
  if (kind === 'user_editable_context' || kind === 'model_editable_context') return undefined;
  if (said(given, 'metadata', 'is_visually_hidden_from_conversation') === 'true') return undefined;
  // To a tool, not to the user: no answer.
  const to = said(given, 'recipient') ?? 'all';
  if (role === 'assistant' && to !== 'all') {
    const call = { name: word(to), arguments: at(content, 'text') ?? at(content, 'parts', 0) };
    const calls = listOf([recordOf({ type: word('function'), function: recordOf(call) })]);
    return recordOf({ role: word(role), content: word(''), tool_calls: calls });
  }
  if (/^(?:thoughts|reasoning_recap)$/.test(kind)) return undefined;
  const parts = itemsAt(content, 'parts').filter((p) => textOf(p)?.value !== '');
  const text = at(content, 'text') ?? at(content, 'result');
  if (parts.length === 0 && textOf(text) === undefined) return undefined;
  // A picture is an object with a content_type of its own.
  const typed = parts.map((part) =>
    part.kind === 'record' && has(part, 'content_type')
      ? recordOf({ type: at(part, 'content_type'), ...Object.fromEntries(part.fields) })
      : part,
  );
  return message(role, parts.length > 0 ? listOf(typed) : text);
}

/** A conversation of ChatGPT's `conversations.json`: from `current_node` up to the root. */
export function chatgpt(root: RecordNode): Export | undefined {
  const nodes = at(root, 'mapping');
  if (nodes?.kind !== 'record' || ![...nodes.fields.values()].some((n) => has(n, 'message')))
    return undefined;
  const turns: RecordNode[] = [];
  const seen = new Set<string>();
  // Without a current node: the last that has no children.
  const leaf = [...nodes.fields].findLast(([, n]) => itemsAt(n, 'children').length === 0)?.[0];
  for (let id = said(root, 'current_node') ?? leaf; id !== undefined && !seen.has(id);) {
    seen.add(id);
    const node = nodes.fields.get(id);
    const turn = turnOf(at(node, 'message') ?? recordOf({}));
    if (turn !== undefined) turns.unshift(turn);
    id = said(node, 'parent');
  }
  if (turns.length === 0) return 'aside';
  return { record: recordOf({ messages: listOf(turns) }), schema: 'chatgpt' };
}
