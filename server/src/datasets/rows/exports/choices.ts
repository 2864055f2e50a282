import type { RecordNode, ValueNode } from '../../json/tree.js';
import { itemsAt, listOf, type Export } from './rewrite.js';

/** An answer to choose, and whether it is the right one. */
type Choice = readonly [answer: ValueNode, right: boolean];

/**
 * Questions with answers to choose from: BIG-bench's `target_scores` {answer: score}, and `targets` {choices, labels}
 * as the hub has them (HHH, TruthfulQA). The right ones are chosen, the others rejected.
 */
export function multipleChoice(root: RecordNode): Export | undefined {
  const { fields } = root;
  const choices = scored(fields.get('target_scores')) ?? labelled(fields.get('targets'));
  if (choices === undefined) return undefined;
  const of = (wanted: boolean): ValueNode[] =>
    choices.flatMap(([answer, right]) => (right === wanted ? [answer] : []));
  const [right, wrong] = [of(true), of(false)];
  if (right.length === 0 || wrong.length === 0) return undefined;
  const one = right.length === 1 && wrong.length === 1;
  const side = (answers: ValueNode[]): ValueNode => (one ? answers[0]! : listOf(answers));
  const kept = [...fields].filter(([name]) => !TAKEN.has(name));
  const prompt = fields.get('input');
  const record: RecordNode = {
    kind: 'record',
    fields: new Map<string, ValueNode>([
      ...kept,
      ...(prompt === undefined ? [] : [['prompt', prompt] as const]),
      ['chosen', side(right)],
      ['rejected', side(wrong)],
    ]),
  };
  return { record, schema: 'preference' };
}

const TAKEN = new Set(['input', 'target_scores', 'targets']);

/** Keys with a score above 0 are right. */
function scored(node: ValueNode | undefined): Choice[] | undefined {
  if (node?.kind !== 'record' || node.keys === undefined) return undefined;
  const values = [...node.fields.values()];
  // Of equal keys one value is left: which key it belongs to cannot be told.
  if (values.length !== node.keys.length) return undefined;
  const marks = values.map(markOf);
  return marks.includes(undefined)
    ? undefined
    : node.keys.map((key, n): Choice => [key, marks[n]! > 0]);
}

function labelled(node: ValueNode | undefined): Choice[] | undefined {
  const [answers, marks] = [itemsAt(node, 'choices'), itemsAt(node, 'labels').map(markOf)];
  if (answers.length < 2 || answers.length !== marks.length || marks.includes(undefined))
    return undefined;
  return answers.map((answer, n): Choice => [answer, marks[n]! > 0]);
}

function markOf(node: ValueNode): number | undefined {
  if (node.kind !== 'scalar' || node.value === null) return undefined;
  const value = Number(node.value);
  return Number.isNaN(value) ? undefined : value;
}
