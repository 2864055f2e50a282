import { describe, expect, it } from 'vitest';
import { isUrl, openEvaluator, streamInOrder } from '../../../server/src/engine/index.js';
import type { GroupResult, ScoreGroup } from '../../../server/src/engine/types.js';

const groupOf = (n: number): ScoreGroup => ({
  conversations: [{ messages: [{ role: 'assistant', content: String(n) }], targets: [0] }],
});
const answer = (text: string): GroupResult => ({ results: [[{ ok: false, error: text }]] });

describe('the results of a stream', () => {
  it('come in its order, whatever comes first, and no more groups are under way than said', async () => {
    let under = 0;
    let most = 0;
    const score = async ({ conversations }: ScoreGroup): Promise<GroupResult> => {
      most = Math.max(most, ++under);
      const n = Number(conversations[0]!.messages[0]!.content);
      // Later ones are answered first.
      for (let turns = 20 - (n % 20); turns > 0; turns--) await Promise.resolve();
      under--;
      return answer(String(n));
    };
    const groups = Array.from({ length: 100 }, (_, n) => ({ group: groupOf(n), tag: n }));
    const seen: [number, unknown][] = [];
    for await (const { tag, result } of streamInOrder(score, groups, {}, 7))
      seen.push([tag, result.results[0]![0]]);
    expect(seen).toEqual(groups.map(({ tag }) => [tag, { ok: false, error: String(tag) }]));
    expect(most).toBe(7);
  });

  it('are given up with all that is under way when nobody takes them any more', async () => {
    const ended: number[] = [];
    let closed = false;
    const score = (group: ScoreGroup, { signal }: { signal?: AbortSignal }) =>
      new Promise<GroupResult>((resolve) => {
        const n = Number(group.conversations[0]!.messages[0]!.content);
        if (n === 0) resolve(answer('first'));
        else signal!.addEventListener('abort', () => ended.push(n));
      });
    function* groups() {
      try {
        for (let n = 0; ; n++) yield { group: groupOf(n), tag: n };
      } finally {
        closed = true;
      }
    }
    for await (const { tag } of streamInOrder(score, groups(), {}, 4)) if (tag === 0) break;
    expect(ended).toEqual([1, 2, 3]);
    expect(closed).toBe(true);
  });
});

describe('a model', () => {
  it('is a path, a name, or the URL of who serves it', async () => {
    expect(['http://127.0.0.1:8000', 'HTTPS://host/v1', './http', 'org/name', 'C:\\m'].map(isUrl)) //
      .toEqual([true, true, false, false, false]);
    await expect(openEvaluator({ model: 'http://127.0.0.1:9' })).rejects.toThrow(
      'http://127.0.0.1:9',
    );
    await expect(openEvaluator({ endpoints: ['http://127.0.0.1:9'] })).rejects.toThrow(
      'http://127.0.0.1:9',
    );
  });
});
