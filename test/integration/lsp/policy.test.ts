import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WirePolicySamples } from '../../../server/src/protocol/index.js';
import { decodeSamples } from '../../../client/src/views/columns.js';
import { Client } from './editor/client.js';

describe('samples for the policy preview', () => {
  let client: Client;
  beforeAll(async () => {
    client = await Client.start({});
  });
  afterAll(() => client.stop());

  const samples = async (name: string, rows: readonly object[]) => {
    const uri = await client.open(name, rows.map((r) => JSON.stringify(r)).join('\n'));
    const summary = await client.audit(uri);
    const wire = await client.request<WirePolicySamples>('qrmLens/policy', { uri });
    const columns = await client.columns(summary);
    return { found: decodeSamples(wire), columns, summary };
  };

  it('are the scored completions of each row, with the numbers of the audit', async () => {
    const { found, columns, summary } = await samples('sets.jsonl', [
      { prompt: 'One?', completions: ['Yes.', 'No, never.', 'Perhaps so.'] },
      { prompt: 'Two?', completion: 'A single answer.' },
      { prompt: 'Three?', chosen: 'Of course.', rejected: 'Of course not.' },
      { prompt: 'Four?', completions: ['Fine.', ''] },
    ]);
    expect([...found.offsets]).toEqual([0, 3, 5]);
    expect([...found.rows]).toEqual([0, 2]);
    expect(found).toMatchObject({ epoch: summary.epoch, revision: summary.revision, more: 0 });
    const K = found.levels.length;
    found.responses.forEach((id, n) => {
      const column = columns.find((c) => c.id === id)!;
      expect(found.expectation[n]).toBe(Math.fround(column.expectation));
      const row = [...found.quantiles.subarray(n * K, n * K + K)];
      expect(row).toEqual([...row].sort((a, b) => a - b));
      expect(row.every(Number.isFinite)).toBe(true);
    });
  });

  it('are none where no row holds two', async () => {
    const { found } = await samples('single.jsonl', [{ prompt: 'One?', completion: 'Yes.' }]);
    expect([...found.offsets]).toEqual([0]);
    expect(found.responses).toHaveLength(0);
  });
});
