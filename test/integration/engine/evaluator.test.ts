import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { EvaluatorClient, type ClientOptions } from '../../../server/src/engine/client.js';
import { doctor } from '../../../server/src/engine/doctor.js';
import type { ScoreGroup, TargetResult } from '../../../server/src/engine/types.js';
import { evaluatorsOf } from '../../kill/processes.js';
import { goldenFolder, goldenNames, readGolden } from '../../unit/model/golden.js';

const cacheFolder = mkdtempSync(join(tmpdir(), 'qrm-evaluator-'));
afterAll(() => rmSync(cacheFolder, { recursive: true, force: true }));

const opened: EvaluatorClient[] = [];
afterEach(async () => {
  for (const evaluator of opened.splice(0)) await evaluator.close();
});

async function open(options: Partial<ClientOptions> = {}): Promise<EvaluatorClient> {
  const evaluator = await EvaluatorClient.open({
    model: goldenFolder('llama3-qrm-k5-m3'),
    device: 'cpu',
    precision: 'float32',
    cacheFolder,
    ...options,
  });
  opened.push(evaluator);
  return evaluator;
}

const chat = (prompt: string, response: string): ScoreGroup => ({
  conversations: [
    {
      messages: [
        { role: 'user', content: prompt },
        { role: 'assistant', content: response },
      ],
      targets: [1],
    },
  ],
});

function scoreOf(result: TargetResult | undefined) {
  if (!result?.ok) throw new Error(result?.error ?? 'no result');
  return result.score;
}

/** 1e-4 relative or 1e-5 absolute: what a float32 engine is held to. */
function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const limit = Math.max(1e-5, 1e-4 * Math.abs(expected[i]!));
    expect(Math.abs(found[i]! - expected[i]!)).toBeLessThanOrEqual(limit);
  }
}

describe.each(goldenNames)('the evaluator with %s', (name) => {
  it('gives the published numbers for every case, alone and in one group', async () => {
    const evaluator = await open({ model: goldenFolder(name) });
    const { cases } = readGolden(name);
    const conversations = cases.map(({ messages }) => ({
      messages,
      targets: [messages.length - 1],
    }));
    const alone = await Promise.all(
      conversations.map((c) => evaluator.score({ conversations: [c] })),
    );
    const together = await evaluator.score({ conversations });
    for (const [i, c] of cases.entries()) {
      for (const result of [alone[i]!.results[0]![0], together.results[i]![0]]) {
        const score = scoreOf(result);
        expect(score.tokens).toBe(c.input_ids.length);
        expect(score.truncatedTokens).toBe(0);
        expectClose(score.attributeQuantiles, c.adjusted_attribute_quantiles.flat());
        expectClose(score.gate, c.gating_weights);
        expectClose(score.quantiles, c.reward_quantiles);
        expectClose([score.expectation], [c.score]);
      }
    }
  });
});

describe('the evaluator', () => {
  it('scores every turn of a transcript as if the conversation ended there', async () => {
    const evaluator = await open();
    const messages = ['Hi', 'Hello!', 'How are you?', 'Fine, and you?', 'Fine.', 'Good.'].map(
      (content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }),
    );
    const whole = await evaluator.score({ conversations: [{ messages, targets: [1, 3, 5] }] });
    for (const [n, target] of [1, 3, 5].entries()) {
      const cut = messages.slice(0, target + 1);
      const alone = await evaluator.score({
        conversations: [{ messages: cut, targets: [target] }],
      });
      expectClose(scoreOf(whole.results[0]![n]).quantiles, scoreOf(alone.results[0]![0]).quantiles);
    }
  });

  it('streams results in the order asked for, reading ahead only so far', async () => {
    const evaluator = await open();
    let read = 0;
    function* groups() {
      for (let i = 0; i < 600; i++) {
        read++;
        yield { group: chat(`question ${i}`, 'x'.repeat(1 + ((i * 37) % 90))), tag: i };
      }
    }
    const tags: number[] = [];
    for await (const { tag, result } of evaluator.scoreStream(groups())) {
      scoreOf(result.results[0]![0]);
      tags.push(tag);
      expect(read - tags.length).toBeLessThanOrEqual(256);
    }
    expect(tags).toEqual(Array.from({ length: 600 }, (_, i) => i));
  });

  it('lets a higher priority overtake, and cancels', async () => {
    const evaluator = await open({ threads: 1 });
    const done: string[] = [];
    const cancel = new AbortController();
    const slow = Array.from({ length: 200 }, (_, i) =>
      evaluator.score(chat(`q${i}`, 'word '.repeat(60)), { signal: cancel.signal }).then(
        () => done.push('low'),
        (error: Error) => done.push(error.name),
      ),
    );
    await evaluator.score(chat('now', 'visible'), { priority: 10 });
    done.push('high');
    cancel.abort();
    await Promise.all(slow);
    expect(done.indexOf('high')).toBeLessThan(190);
    expect(done.filter((d) => d === 'AbortError').length).toBeGreaterThan(0);
    // Cancelling left nothing behind that blocks the next group.
    scoreOf((await evaluator.score(chat('after', 'yes'))).results[0]![0]);
  });

  it('begins a killed process anew and loses nothing', async () => {
    const restarts: string[] = [];
    const evaluator = await open({ onRestart: (reason) => restarts.push(reason) });
    const before = scoreOf((await evaluator.score(chat('a', 'b'))).results[0]![0]);
    const results = Array.from({ length: 100 }, (_, i) => evaluator.score(chat(`q${i}`, 'b c d')));
    process.kill(evaluator.pid!, 'SIGKILL');
    for (const result of await Promise.all(results)) scoreOf(result.results[0]![0]);
    const after = scoreOf((await evaluator.score(chat('a', 'b'))).results[0]![0]);
    expect([...after.quantiles]).toEqual([...before.quantiles]);
    expect(restarts).toHaveLength(1);
    expect(restarts[0]).toContain('SIGKILL');
  });

  it.runIf(process.platform === 'linux')(
    'begins once more where its process is killed while it loads, and once only',
    async () => {
      const before = new Set(evaluatorsOf(process.pid));
      const born = async (not: number) => {
        for (;;) {
          const pid = evaluatorsOf(process.pid).find((p) => !before.has(p) && p !== not);
          if (pid !== undefined) return pid;
          await new Promise((done) => setTimeout(done, 2));
        }
      };
      const restarts: string[] = [];
      const opening = open({ onRestart: (reason) => restarts.push(reason) });
      process.kill(await born(-1), 'SIGKILL');
      const evaluator = await opening;
      expect(restarts).toEqual([expect.stringContaining('while it loaded the model (SIGKILL)')]);
      expect(evaluator.info.modelName).not.toBe('');
      await evaluator.close();

      const twice = open();
      const first = await born(evaluator.pid!);
      process.kill(first, 'SIGKILL');
      process.kill(await born(first), 'SIGKILL');
      await expect(twice).rejects.toThrow('while it loaded the model (SIGKILL)');
    },
  );

  it.runIf(process.platform === 'linux')(
    'is begun anew in silence where it holds too much memory, and nothing is lost',
    async () => {
      const restarts: string[] = [];
      const evaluator = await open({ spare: -1e12, onRestart: (reason) => restarts.push(reason) });
      const asked = chat('A question', 'An answer');
      const before = await evaluator.score(asked);
      const { pid } = evaluator;
      // Gone while nothing is asked; what is asked in the meantime waits for the next process.
      while (evaluatorsOf(process.pid).includes(pid!))
        await new Promise((done) => setTimeout(done, 1));
      expect(await evaluator.score(asked)).toEqual(before);
      expect(evaluator.pid).not.toBe(pid);
      expect(restarts).toEqual([]);
    },
  );

  it('flags a prompt cut on the left, and answers for a response that cannot fit', async () => {
    const evaluator = await open();
    const { maxTokens } = evaluator.info;
    const cut = scoreOf(
      (await evaluator.score(chat('ab '.repeat(maxTokens), 'ok'))).results[0]![0],
    );
    expect(cut.tokens).toBe(maxTokens);
    expect(cut.truncatedTokens).toBeGreaterThan(0);
    const result = (await evaluator.score(chat('hi', 'ab '.repeat(maxTokens)))).results[0]![0]!;
    expect(result.ok).toBe(false);
    expect(!result.ok && result.error).toMatch(/response .*context of/);
  });

  it('names what is wrong with a model or a device', async () => {
    await expect(open({ model: '/no/such/model' })).rejects.toThrow('/no/such/model');
    await expect(open({ device: 'cuda' })).rejects.toThrow(/cuda.*qrm doctor/s);
  });

  it('tells of every provider whether it can be used', async () => {
    const report = await doctor();
    expect(report.providers.filter((p) => p.chosen)).toHaveLength(1);
    const cpu = report.providers.find((p) => p.name === 'cpu');
    expect(cpu?.available).toBe(true);
    for (const p of report.providers) expect(p.reason.length).toBeGreaterThan(10);
  });
});
