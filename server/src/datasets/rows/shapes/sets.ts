import type { ListNode, RecordNode, ValueNode } from '../../json/tree.js';
import type { Conversation, GoldLabel, Turn } from '../../types.js';
import { answered, repeatsPrompt } from './answers.js';
import type { Context } from '../context.js';
import { absent, NotUnderstood, pick, SETS, textOf, whereIs } from '../fields.js';
import { parseNested } from '../nested.js';
import { withTarget } from './pairs.js';
import { rated, ratingsOf } from './ratings.js';
import { joinedTurn, type Notes } from '../turns.js';

/** One completion of several: a text, or an object with the text and the model's name. */
function labelOf(node: ValueNode, ordinal: number): string {
  if (node.kind !== 'record') return String(ordinal);
  const name = pick(node, ['model', 'model_name', 'name', 'label', 'source']);
  return textOf(name)?.value ?? String(ordinal);
}

/** The field that holds a list of completions, as a list or as JSON in a string; undefined when none does. */
export function setOf(record: RecordNode): { name: string; list: ListNode } | undefined {
  for (const name of SETS) {
    const node = record.fields.get(name);
    if (node?.kind === 'list') return { name, list: node };
    if (node?.kind !== 'text' || !/^\s*\[/.test(node.value)) continue;
    const inner = parseNested(node);
    if (inner.ok && inner.node.kind === 'list') return { name, list: inner.node };
  }
  return undefined;
}

/** Several completions of one prompt. @throws NotUnderstood */
export function completions(
  context: Context,
  { name, list }: { name: string; list: ListNode },
  record: RecordNode,
  notes: Notes,
): Conversation[] {
  const labels = record.fields.get('labels');
  if (labels?.kind === 'list' && labels.items.some((l) => l.kind === 'scalar'))
    return [steps(context, name, list, labels)];
  if (list.items.length === 0) throw new NotUnderstood(`the list of ${name} is empty`, undefined);
  const repeats = repeatsPrompt(context, list.items);
  const made = list.items.map((node, i) => {
    const field = `${name} ${i + 1}`;
    if (absent(node))
      throw new NotUnderstood(
        `${field} holds no text; expected a string, or an object with response, content or text`,
        whereIs(list),
      );
    const turns = answered(context, node, field, notes, { repeats, strict: false });
    return withTarget('completion', labelOf(node, i), turns, field, node);
  });
  return rated(made, ratingsOf(record, list.items));
}

/**
 * TRL's stepwise supervision: `completions` are the steps of one answer, `labels` whether each is right.
 * The answer is desirable where all of them are.
 */
function steps(context: Context, name: string, list: ListNode, labels: ListNode): Conversation {
  const texts = list.items.map(textOf).filter((t) => t !== undefined);
  if (texts.length < list.items.length || texts.length === 0)
    throw new NotUnderstood(
      `${name} with labels are the steps of one answer (stepwise supervision); expected a text for each step`,
      whereIs(list),
    );
  const right = labels.items.map((l) => /^(?:true|1(?:\.0+)?)$/i.test(textOf(l)?.value ?? ''));
  const label = right.every(Boolean) ? 'desirable' : 'undesirable';
  const turns = [...context.system, ...context.before, joinedTurn('assistant', texts, '\n')];
  const made = withTarget('completion', label, turns, name, list);
  return { ...made, gold: { desirable: label === 'desirable' } };
}

const NUMBERED = /^(?:response|answer|completion|output)_(?:\d+|[a-d])$/;
/** PKU-style fields response_0, response_1, answer_a, ... in their order. */
export function numbered(record: RecordNode): [string, ValueNode][] {
  const found: [string, ValueNode][] = [];
  for (const [key, node] of record.fields)
    if (key.includes('_') && NUMBERED.test(key) && !absent(node)) found.push([key, node]);
  return found;
}

/** The completions of numbered fields. @throws NotUnderstood */
export function numberedCompletions(
  context: Context,
  fields: readonly [string, ValueNode][],
  notes: Notes,
): Conversation[] {
  const repeats = repeatsPrompt(
    context,
    fields.map(([, node]) => node),
  );
  return fields.map(([label, node]) => {
    const turns = answered(context, node, label, notes, { repeats });
    return withTarget('completion', label, turns, label, node);
  });
}

/**
 * KTO's label: is the completion desirable? Any other label says nothing that is known here; of `kto_tag`, which is
 * LLaMA-Factory's, that is told.
 */
function goldOf(record: RecordNode, name: string, notes: Notes): GoldLabel | undefined {
  const tag = record.fields.get('kto_tag');
  // A tag of its own says what it means, as a label of a `completion` does.
  const field = absent(tag) ? name : 'completion';
  const gold = goldIn(absent(tag) ? record.fields.get('label') : tag, field);
  if (!absent(tag) && gold === undefined) {
    const said = textOf(tag)?.value.slice(0, 40);
    const message = `kto_tag ${said === undefined ? 'holds no word' : `holds '${said}'`}; expected true or false. The row is read without a label`;
    notes.add('unread-part', message, whereIs(tag!));
  }
  return gold;
}

/** A conversation whose last answer KTO's label judges; undefined where there is none. */
export function labelled(
  record: RecordNode,
  name: string,
  turns: readonly Turn[],
  node: ValueNode | undefined,
  notes: Notes,
): Conversation | undefined {
  const gold = goldOf(record, name, notes);
  if (gold === undefined) return undefined;
  const label = gold.desirable ? 'desirable' : 'undesirable';
  return { ...withTarget('completion', label, turns, name, node), gold };
}

function goldIn(label: ValueNode | undefined, field: string): GoldLabel | undefined {
  const said = textOf(label)?.value.trim().toLowerCase() ?? '';
  const among = (always: RegExp, completion: RegExp): boolean =>
    always.test(said) || (field === 'completion' && completion.test(said));
  if (among(/^(?:true|desirable)$/, /^(?:1(?:\.0+)?|yes)$/)) return { desirable: true };
  const bad = among(/^(?:false|undesirable)$/, /^(?:0(?:\.0+)?|no)$/);
  return bad ? { desirable: false } : undefined;
}
