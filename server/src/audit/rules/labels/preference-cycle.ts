import { labelledPairs } from './labelled-pairs.js';
import { drained, type Check, type Rule, type RuleContext } from '../rule.js';

function* preparing({ table }: RuleContext): Generator<undefined, Check> {
  const pairs = yield* labelledPairs(table);
  if (pairs === undefined) return () => undefined;
  const worse = new Map<string, Set<string>>();
  for (const [i, other] of pairs) {
    const [a, b] = [table.hash(i), table.hash(other)];
    if (a === b) continue;
    let of = worse.get(a);
    if (of === undefined) worse.set(a, (of = new Set()));
    of.add(b);
  }
  const component = components(worse);
  return (i) => {
    const other = pairs.get(i);
    if (other === undefined) return undefined;
    const [a, b] = [table.hash(i), table.hash(other)];
    const part = component.get(a);
    // A circle of two is a contradictory pair.
    if (a === b || part === undefined || part.size < 3 || part !== component.get(b))
      return undefined;
    return {
      code: 'preference-cycle',
      severity: 'warning',
      response: i,
      related: other,
      message: `Preference cycle: this pair is one of a circle among ${part.size} responses to the same prompt (threshold: 1 circle).`,
    };
  };
}

export const preferenceCycle: Rule = {
  code: 'preference-cycle',
  order: 120,
  ofTexts: true,
  description:
    'Preferences among responses to one prompt go round in a circle: a response is better than itself.',
  prepare: (context) => drained(preparing(context)),
  preparing,
};

/** Strongly connected components of more than one node (Tarjan 1972), without recursion. */
function components(
  edges: ReadonlyMap<string, ReadonlySet<string>>,
): Map<string, { size: number }> {
  const found = new Map<string, { size: number }>();
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const on = new Set<string>();
  let next = 0;
  for (const root of edges.keys()) {
    if (index.has(root)) continue;
    const work: { node: string; left: Iterator<string> }[] = [];
    const enter = (node: string): void => {
      index.set(node, next);
      low.set(node, next++);
      stack.push(node);
      on.add(node);
      work.push({ node, left: (edges.get(node) ?? new Set<string>()).values() });
    };
    enter(root);
    while (work.length > 0) {
      const { node, left } = work.at(-1)!;
      const step = left.next();
      if (step.done !== true) {
        const to = step.value;
        if (!index.has(to)) enter(to);
        else if (on.has(to)) low.set(node, Math.min(low.get(node)!, index.get(to)!));
        continue;
      }
      work.pop();
      const parent = work.at(-1)?.node;
      if (parent !== undefined) low.set(parent, Math.min(low.get(parent)!, low.get(node)!));
      if (low.get(node) !== index.get(node)) continue;
      const part = { size: 0 };
      for (let popped: string | undefined; popped !== node;) {
        popped = stack.pop()!;
        on.delete(popped);
        part.size++;
        if (part.size > 1 || popped !== node) found.set(popped, part);
      }
    }
  }
  return found;
}
