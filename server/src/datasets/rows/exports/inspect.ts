import type { RecordNode, ValueNode } from '../../json/tree.js';
import { at, has, itemsAt, listOf, message, recordOf, type Export } from './rewrite.js';

const ATTACHMENT = /^attachment:\/\/([0-9a-f]{8,64})$/i;

/** The value with its `attachment://hash` texts replaced by what they stand for. */
function attached(node: ValueNode, attachments: ReadonlyMap<string, ValueNode>): ValueNode {
  switch (node.kind) {
    case 'text': {
      const hash = node.value.length < 100 ? ATTACHMENT.exec(node.value)?.[1] : undefined;
      return (hash === undefined ? undefined : attachments.get(hash)) ?? node;
    }
    case 'list':
      return { ...node, items: node.items.map((item) => attached(item, attachments)) };
    case 'record':
      return {
        ...node,
        fields: new Map([...node.fields].map(([k, v]) => [k, attached(v, attachments)])),
      };
    default:
      return node;
  }
}

/** A sample of an Inspect log: its messages, or its input with its output where it has none. */
export function inspectSample(root: RecordNode): Export | undefined {
  if (!has(root, 'epoch', 'input') || !(has(root, 'messages') || has(root, 'output')))
    return undefined;
  const held = at(root, 'attachments');
  const attachments = held?.kind === 'record' ? held.fields : new Map<string, ValueNode>();
  const whole = (node: ValueNode): ValueNode => attached(node, attachments);
  const messages = itemsAt(root, 'messages');
  if (messages.length > 0)
    return { record: recordOf({ messages: listOf(messages.map(whole)) }), schema: 'inspect' };
  const input = at(root, 'input');
  const asked =
    input?.kind === 'list' ? input.items : input === undefined ? [] : [message('user', input)];
  const answer = at(root, 'output', 'choices', 0, 'message');
  if (answer === undefined) return 'aside';
  const turns = [...asked, answer].map(whole);
  return { record: recordOf({ messages: listOf(turns) }), schema: 'inspect' };
}
