import { labelledPairs } from './labelled-pairs.js';
import { drained, type Check, type Rule, type RuleContext } from '../rule.js';

function* preparing({ table }: RuleContext): Generator<undefined, Check> {
  const pairs = yield* labelledPairs(table);
  if (pairs === undefined) return () => undefined;
  const first = new Map<string, number>();
  for (const [chosen, rejected] of pairs) {
    const key = `${table.hash(chosen)} ${table.hash(rejected)}`;
    if (!first.has(key)) first.set(key, chosen);
  }
  return (i) => {
    const other = pairs.get(i);
    if (other === undefined || table.hash(i) === table.hash(other)) return undefined;
    const opposite = first.get(`${table.hash(other)} ${table.hash(i)}`);
    if (opposite === undefined) return undefined;
    return {
      code: 'contradictory-pair',
      severity: 'warning',
      response: i,
      related: opposite,
      message: `Contradictory pair: row ${table.row.get(opposite) + 1} prefers the other one of the same two responses (threshold: 1 occurrence).`,
    };
  };
}

export const contradictoryPair: Rule = {
  code: 'contradictory-pair',
  order: 110,
  ofTexts: true,
  description: 'The same two responses to the same prompt stand elsewhere with the opposite label.',
  prepare: (context) => drained(preparing(context)),
  preparing,
};
