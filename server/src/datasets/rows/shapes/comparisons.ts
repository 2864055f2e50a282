import type { RecordNode, ValueNode } from '../../json/tree.js';
import type { TextNode } from '../../text.js';
import type { Conversation, Turn } from '../../types.js';
import { repeatsPrompt, answered } from './answers.js';
import type { Context } from '../context.js';
import { absent, filled, textOf } from '../fields.js';
import { parseNested } from '../nested.js';
import { withTarget } from './pairs.js';
import { rated, voteOf, type Vote } from './ratings.js';
import { textTurn, type Notes } from '../turns.js';

const FIELD =
  /^(conversation|response|answer|completion|output|human_ref|reply|chat|text|generation)_?(a|b|[0-9])$/i;

/** Two responses that stand beside each other in fields of their own. */
export interface Comparison {
  readonly first: readonly [name: string, node: ValueNode];
  readonly second: readonly [name: string, node: ValueNode];
  readonly vote: Vote | undefined;
}

/** The two responses of a record, where there are two and no more: `response_0` and `response_1`, `human_ref_A` and `human_ref_B`. */
export function comparisonOf(record: RecordNode): Comparison | undefined {
  const families = new Map<string, [string, string, ValueNode][]>();
  for (const [name, node] of record.fields) {
    const match = FIELD.exec(name);
    if (match === null || absent(node)) continue;
    const stem = match[1]!.toLowerCase();
    families.set(stem, [...(families.get(stem) ?? []), [match[2]!.toLowerCase(), name, node]]);
  }
  for (const members of families.values()) {
    if (members.length !== 2 || members.some(([, , node]) => !filled(node))) continue;
    const [[a, nameA, nodeA], [b, nameB, nodeB]] = members.sort(([x], [y]) => (x < y ? -1 : 1)) as [
      [string, string, ValueNode],
      [string, string, ValueNode],
    ];
    return {
      first: [nameA, nodeA],
      second: [nameB, nodeB],
      vote: voteOf(record, [a, b]),
    };
  }
  return undefined;
}

/** The texts of a list that stands as JSON in a text; undefined where it is none. */
function listed(node: ValueNode | undefined): readonly TextNode[] | undefined {
  if (node?.kind !== 'text' || !node.value.startsWith('[')) return undefined;
  const inner = parseNested(node);
  if (!inner.ok || inner.node.kind !== 'list') return undefined;
  const texts = inner.node.items.map(textOf);
  return texts.every((t) => t !== undefined) ? texts : undefined;
}

/**
 * The talk of Chatbot Arena's tables (`winner_model_a`): prompt and response are lists, as JSON in texts, whose
 * entries take turns.
 */
function arenaTalk(record: RecordNode, response: ValueNode): Turn[] | undefined {
  if (!record.fields.has('winner_model_a')) return undefined;
  const [asked, said] = [listed(record.fields.get('prompt')), listed(response)];
  if (asked === undefined || asked.length === 0 || asked.length !== said?.length) return undefined;
  return asked.flatMap((text, i) => [textTurn('user', text), textTurn('assistant', said[i]!)]);
}

/** The responses of a comparison, the preferred one chosen. @throws NotUnderstood */
export function compared(
  context: Context,
  { first, second, vote }: Comparison,
  record: RecordNode,
  notes: Notes,
): Conversation[] {
  const repeats = repeatsPrompt(context, [first[1], second[1]]);
  const made = [first, second].map(([label, node]) =>
    withTarget(
      'completion',
      label,
      arenaTalk(record, node) ?? answered(context, node, label, notes, { repeats }),
      label,
      node,
    ),
  );
  const side = vote?.side ?? 0;
  return rated(made, side === 0 ? [] : side < 0 ? [1, 0] : [0, 1]);
}
