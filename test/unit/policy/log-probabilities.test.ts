import { describe, expect, it } from 'vitest';
import { logProbabilitiesOf } from '../../../server/src/policy/gather/log-probabilities.js';

const read = (record: Record<string, unknown>, n = 0, count = 1) =>
  logProbabilitiesOf(record, n, count);

describe('log-probabilities of a record', () => {
  it('stand in the completion, in a list beside the completions, or in the record of one', () => {
    const inside = { completions: [{ logprob: -1 }, { logprob: -2, ref_logprob: -3 }] };
    expect(read(inside, 0, 2)).toEqual({ policy: -1, reference: Number.NaN });
    expect(read(inside, 1, 2)).toEqual({ policy: -2, reference: -3 });
    const beside = { completions: [null, null], logprobs: [-4, -5], ref_logprobs: [-6, -7] };
    expect(read(beside, 1, 2)).toEqual({ policy: -5, reference: -7 });
    expect(read({ cumulative_logprob: -8 })).toEqual({ policy: -8, reference: Number.NaN });
  });

  it('are summed over tokens', () => {
    expect(read({ logprobs: [-1, -2, -3.5] }).policy).toBe(-6.5);
    expect(read({ responses: [null], logprobs: [[-1, -2]] }).policy).toBe(-3);
    expect(read({ responses: [null, null], logprobs: [[-1, -2], [-4]] }, 1, 2).policy).toBe(-4);
    expect(read({ logprob: '-2.5' }).policy).toBe(-2.5); // a cell of CSV
  });

  it('are not known where they are no logarithm of a probability', () => {
    for (const bad of [3, 'high', null, {}, [], [-1, 'x'], [-1, null]])
      expect(read({ logprob: bad }).policy, JSON.stringify(bad)).toBeNaN();
    expect(read({ logprob: 1e-6 }).policy).toBe(0);
    // A list of another length belongs to something else.
    expect(read({ completions: [null, null], logprobs: [-1, -2, -3] }, 0, 2).policy).toBeNaN();
    // `__proto__` and the like are no fields.
    expect(read({ completions: [JSON.parse('{"__proto__": {"logprob": -1}}')] }).policy).toBeNaN();
  });
});
