import { describe, expect, it } from 'vitest';
import { auditDataset, type Finding } from '../../../../../server/src/audit/index.js';
import { SETTINGS, sourceOf, TextEvaluator } from '../../helpers.js';

async function findings(records: readonly unknown[], code: string) {
  const text = records.map((r) => JSON.stringify(r)).join('\n');
  const { audit, progress } = auditDataset([sourceOf(text)], {
    evaluator: new TextEvaluator(),
    ...SETTINGS,
  });
  for await (const step of progress) void step;
  expect(audit.problems).toEqual([]);
  const found = [...audit.findings()].filter((f: Finding) => f.code === code);
  return { audit, found };
}

describe("a rater's label against the model's judgement", () => {
  it('a better_response_id that the model contradicts is an inverted pair', async () => {
    const record = (n: number, better: number) => ({ prompt: `Q${n}`, response_0: `a r=${1 + n / 100}`, response_1: `b r=0.${n}`, better_response_id: better }); // prettier-ignore
    const { found, audit } = await findings(
      Array.from({ length: 20 }, (_, n) => record(n + 10, n === 7 ? 1 : 0)),
      'inverted-pair',
    );
    expect(found).toHaveLength(1);
    const { response, related } = found[0] as { response: number; related: number };
    expect(audit.table.row.get(response)).toBe(7);
    expect([audit.table.label(response), audit.table.label(related)]).toEqual([
      'response_1',
      'response_0',
    ]);
  });

  it('of several responses each is compared with the strongest of those rated below it', async () => {
    const row = {
      prompt: 'Q',
      responses: ['a r=1', 'b r=5', 'c r=0', 'd r=3'],
      ratings: [4, 2, 1, 2],
    };
    const { audit } = await findings([row], 'inverted-pair');
    const { table } = audit;
    expect([0, 1, 2, 3].map((i) => table.partner(i))).toEqual([1, 2, 0, 2]);
    expect(table.beats.get(0)).toBe(0);
    expect(table.beats.get(1)).toBe(1);
    expect(table.beats.get(2)).toBeNaN();
  });

  it('every chosen answer of a list is meant to beat every rejected one', async () => {
    const { audit } = await findings(
      [{ prompt: 'Q', chosen: ['a r=1', 'b r=9'], rejected: ['x r=0', 'y r=4'] }],
      'inverted-pair',
    );
    expect([0, 1].map((i) => audit.table.partner(i))).toEqual([3, 3]);
    expect([0, 1].map((i) => audit.table.beats.get(i))).toEqual([0, 1]);
  });

  it('KTO: the response that is furthest from its label', async () => {
    const rows = Array.from({ length: 60 }, (_, n) => ({
      prompt: `Q${n}`,
      completion: `a r=${n === 20 ? 4 : n % 2 === 0 ? 2 : -2}.${n}`,
      label: n === 20 ? false : n % 2 === 0,
    }));
    const { found, audit } = await findings(rows, 'contrary-label');
    expect(found.map((f) => audit.table.row.get((f as { response: number }).response))).toEqual([
      20,
    ]);
    expect(found[0]!.message).toMatch(/^Contrary label: labelled undesirable, it is beaten by/);
    const right = rows.map((r, n) => ({ ...r, label: n % 2 === 0 }));
    expect((await findings(right, 'contrary-label')).found).toEqual([]);
  });
});
