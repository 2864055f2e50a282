import { describe, expect, it } from 'vitest';
import { auditDataset, type Thresholds } from '../../../../../server/src/audit/index.js';
import { FindingSet } from '../../../../../server/src/live/finding-set.js';
import { Ledger } from '../../../../../server/src/audit/index.js';
import { collect, pairLine, sourceOf, TextEvaluator } from '../../helpers.js';

const words = (from: number, n = 40) =>
  Array.from({ length: n }, (_, i) => `w${from + i}`).join(' ');
const at = (value: number): Thresholds => ({ nearDuplicate: { kind: 'absolute', value } });

async function audited(files: readonly string[], thresholds: Thresholds) {
  const { audit, progress } = auditDataset(
    files.map((text, n) => sourceOf(text, `${n}.jsonl`)),
    { evaluator: new TextEvaluator(), tau: 0.05, lambda: 1, thresholds },
  );
  await collect(progress);
  const found = [...audit.findings()].filter((f) => f.code === 'near-duplicate');
  return { audit, found };
}

const prompt = words(0);
const first = [pairLine(prompt, words(1000), words(2000)), pairLine(words(500), words(3000), words(3000, 41))].join('\n'); // prettier-ignore
const second = [
  pairLine('unlike all', 'before', 'it'),
  // The chosen one with a word more; the rejected one is a copy.
  pairLine(`${prompt.toUpperCase()}!`, `${words(1000)} then`, words(2000)),
  // The same answer to another prompt.
  pairLine(words(7000), words(1000), 'no'),
].join('\n');

describe('near-duplicate', () => {
  it('is off until somebody asks, and then keeps no sketches', async () => {
    const { audit, found } = await audited([first, second], {});
    expect(found).toEqual([]);
    expect(audit.table.sketched).toBe(false);
  });

  it('finds nearly the same response to nearly the same prompt, across files, and says how alike', async () => {
    const { audit, found } = await audited([first, second], at(80));
    const { table } = audit;
    const shown = found.map((f) => 'response' in f && [table.file.get(f.response), table.row.get(f.response), table.kindOf(f.response), f.related]); // prettier-ignore
    // The prompt differs in case and in a mark, so a copy of the rejected response is no exact duplicate.
    expect(shown).toEqual([
      [1, 1, 'chosen', 0],
      [1, 1, 'rejected', 1],
    ]);
    expect(found[0]!.message).toMatch(
      /about 9\d % of this response and 100 % of its prompt are those of row 1 of another file \(threshold: 80 %\)/,
    );
    expect(found[1]!.message).toContain('about 100 % of this response');
    expect((await audited([first, second], at(100))).found).toHaveLength(1);
  });

  it('leaves exact copies to duplicate-response, and the responses of one row alone', async () => {
    const { audit, found } = await audited([`${first}\n${first}`], at(80));
    expect(found.map((f) => f.message)).toEqual([]);
    expect([...audit.findings()].filter((f) => f.code === 'duplicate-response')).toHaveLength(4);
  });

  it('the editor finds the same, also after its numbers were given anew', async () => {
    const lines = `${first}\n${second}`;
    const { audit, found } = await audited([lines], at(80));
    const ledger = new Ledger(new TextEvaluator().info, { tau: 0.05, lambda: 1, sketches: true });
    const { table } = audit;
    const rows = new Map<number, number[]>();
    for (let i = 0; i < table.length; i++) {
      const id = ledger.table.adopt(table, i, table.row.get(i));
      rows.set(table.row.get(i), [...(rows.get(table.row.get(i)) ?? []), id]);
    }
    const again = await ledger.compacted([...rows].map(([row, ids]) => ({ row, ids })), () => Promise.resolve()); // prettier-ignore
    for (const each of [ledger, again.ledger]) {
      const order = Array.from({ length: each.table.length }, (_, i) => i);
      const set = await FindingSet.of(each, order, at(80), () => false);
      const all = order.flatMap((i) => set.of(i)).filter((f) => f.code === 'near-duplicate');
      expect(all).toEqual(found);
      // A response that is gone is no earlier one.
      each.remove([0, 1]);
      expect(set.of(found[0] !== undefined && 'response' in found[0] ? found[0].response : 0)).not.toContainEqual(found[0]); // prettier-ignore
    }
  });
});
