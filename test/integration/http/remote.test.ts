import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { openEvaluator } from '../../../server/src/engine/index.js';
import { EngineHost } from '../../../server/src/session/model/engine-host.js';
import { goldenFolder, readGolden } from '../../unit/model/golden.js';
import { hhLines, jsonLines, MODEL, Workspace } from '../cli/helpers.js';
import { Engine, FORMS, Refusal, statesOf, tokenEmbed, type States } from './engines.js';
import { Server } from './server.js';
import { engineSettings, mergeSettings } from '../../../server/src/lsp/settings.js';

const workspace = new Workspace();
const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(() => workspace.end());

const without = (lines: Record<string, unknown>[]) => lines.map((line) => ({ ...line, run: '' }));

describe('qrm score --endpoint', () => {
  it('gives what a run here gives, though one of two servers is killed in its middle', async () => {
    const file = workspace.path('pairs.jsonl');
    writeFileSync(file, hhLines(0, 300).join('\n'));
    const here = jsonLines((await workspace.score('score', file, '--no-store')).stdout);
    const [a, b] = await Promise.all([
      Server.start(workspace, '--threads', '1'),
      Server.start(workspace, '--threads', '1'),
    ]);
    const out = workspace.path('scores.jsonl');
    const args = ['score', file, '--no-store', '--out', out];
    const { done } = workspace.start([...args, '--endpoint', `${a.url},${b.url}`]);
    for (;;) {
      const [first, second] = [a, b].map((s) => s.metric('qrm_conversations_total'));
      if ((await first)! > 40 && (await second)! > 40) break;
      await new Promise((r) => setTimeout(r, 10));
    }
    a.child.kill('SIGKILL');
    const { code, stderr } = await done;
    expect([code, stderr]).toEqual([0, expect.stringContaining(`${a.url}: `)]);
    const { readFileSync } = await import('node:fs');
    const there = jsonLines(readFileSync(out, 'utf8'));
    expect(without(there)).toEqual(without(here));
    await b.stop();
  });

  it('keeps its scores by backend and model, and needs no engine for what is kept', async () => {
    const file = workspace.path('few.jsonl');
    writeFileSync(file, hhLines(300, 310).join('\n'));
    const server = await Server.start(workspace);
    const first = await workspace.run('score', file, '--endpoint', server.url);
    expect(first.stderr).toMatch(/20 newly scored/);
    const again = await workspace.run('score', file, '--endpoint', server.url);
    expect(again.stderr).toMatch(/20 from the score store/);
    expect(again.stdout).toBe(first.stdout);
    // Scores made here are others', even where their numbers are the same.
    expect((await workspace.score('score', file)).stderr).toMatch(/20 newly scored/);
    await server.stop();
  });

  it('says what is wrong with an engine', async () => {
    const refused = await workspace.run('score', 'x.jsonl', '--endpoint', 'file:///etc/passwd');
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/expected URLs/)]);
    const file = workspace.path('few.jsonl');
    writeFileSync(file, hhLines(0, 2).join('\n'));
    const nobody = await workspace.run('score', file, '--endpoint', 'http://127.0.0.1:9');
    expect([nobody.code, nobody.stderr]).toEqual([2, expect.stringMatching(/127\.0\.0\.1:9: /)]);
  });
});

describe('the setting qrmLens.endpoint', () => {
  const settings = (url: string) =>
    engineSettings(
      mergeSettings({
        model: { path: MODEL },
        endpoint: ` ${url}, `,
        device: 'cpu',
        precision: 'float32',
        threads: 1,
        store: { enabled: false },
      }),
    );
  const host = (url: string, trusted: boolean) => {
    const made = new EngineHost({
      settings: () => settings(url),
      trusted,
      storeFolder: workspace.path('store'),
      version: '0',
      onStatus: () => undefined,
      log: () => undefined,
    });
    closing.push(() => made.dispose());
    return made;
  };

  it('names who scores, in a trusted workspace alone', async () => {
    const server = await Server.start(workspace, '--model', MODEL, '--precision', 'float32');
    const service = await host(server.url, true).service();
    expect(service.info.executionProvider).toBe(`cpu at ${new URL(server.url).host}`);
    await server.stop();
    // Nobody is asked: this one is not even there any more.
    const other = await host(server.url, false)
      .service()
      .then((s) => s.info.executionProvider, String);
    expect(other).not.toContain(new URL(server.url).host);
  });
});

const startEngine = async (...args: Parameters<typeof Engine.start>): Promise<Engine> => {
  const engine = await Engine.start(...args);
  closing.push(() => engine.stop());
  return engine;
};

async function backboneOf(folder: string): Promise<States> {
  const { states, release } = await statesOf(folder, workspace.folder);
  closing.push(release);
  return states;
}

describe.each(Object.entries(FORMS))('hidden states of %s', (_, { owner, answer }) => {
  it('give the reference through heads and gate that run here', async () => {
    const engine = await startEngine(owner, answer, await backboneOf(MODEL), 3);
    const evaluator = await openEvaluator({ model: MODEL, endpoints: [engine.url] });
    const { cases } = readGolden('llama3-qrm-k5-m3');
    const results = await Promise.all(
      cases.map(({ messages }) =>
        evaluator.score({ conversations: [{ messages, targets: [messages.length - 1] }] }),
      ),
    );
    for (const [i, c] of cases.entries()) {
      const [[result]] = results[i]!.results as [[(typeof results)[0]['results'][0][0]]];
      if (!result?.ok) throw new Error(result?.error);
      expect(result.score.tokens).toBe(c.input_ids.length);
      result.score.quantiles.forEach((q, k) => expect(q).toBeCloseTo(c.reward_quantiles[k]!, 4));
      expect(result.score.expectation).toBeCloseTo(c.score, 4);
    }
    expect(evaluator.info.modelHash).toContain(`@${owner}-float32-served`);
    await evaluator.close();
  });
});

describe('a response that an engine does not take', () => {
  // llama-server says so with 500, as it does when it is broken; vLLM with 400.
  it.each([
    [
      "llama.cpp's server",
      500,
      'input (99 tokens) is too large to process. increase the physical batch size',
    ],
    ['vLLM, embed and LAST', 400, 'The decoder prompt is longer than the maximum model length'],
  ] as const)('costs itself alone: %s, %i', async (form, status, message) => {
    const { owner, answer } = FORMS[form]!;
    const longest = 300;
    const engine = await startEngine(
      owner,
      async (path, body: { input: number[][] }, states) =>
        body.input.some((ids) => ids.length > longest)
          ? new Refusal(status, { error: { code: status, message, type: 'server_error' } })
          : answer(path, body as never, states),
      await backboneOf(MODEL),
    );
    const evaluator = await openEvaluator({ model: MODEL, endpoints: [engine.url] });
    const conversation = (text: string) => ({
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: text },
      ],
      targets: [1],
    });
    const conversations = ['Yes', 'no '.repeat(400), 'Perhaps'].map(conversation);
    const { results } = await evaluator.score({ conversations });
    expect(results.map(([r]) => r!.ok)).toEqual([true, false, true]);
    const [failed] = results[1]!;
    expect(failed).toMatchObject({ error: expect.stringContaining(message) as unknown });
    const [alone] = (await evaluator.score({ conversations: [conversations[2]!] })).results;
    expect(results[2]).toEqual(alone);
    await evaluator.close();
  });
});

describe('an engine that serves something else', () => {
  it('is told by the tokens whose states it gives', async () => {
    const states = await backboneOf(MODEL);
    const wrong = await startEngine('vllm', tokenEmbed(7), states);
    await expect(openEvaluator({ model: MODEL, endpoints: [wrong.url] })).rejects.toThrow(
      /"token_embed" gives 0 numbers for 3 tokens; expected 64 for each \(ALL\).*"step_tag_id": \d+/s,
    );
  });

  it('is told by its size, and by the golden answer', async () => {
    const { answer } = FORMS['vLLM, embed and LAST']!;
    const states = await backboneOf(MODEL);
    const short = await startEngine('vllm', answer, async (ids) =>
      (await states(ids)).map((s) => s.slice(1)),
    );
    await expect(openEvaluator({ model: MODEL, endpoints: [short.url] })).rejects.toThrow(
      /a hidden state of 63 numbers/,
    );
    const other = await startEngine('vllm', answer, async (ids) =>
      (await states(ids)).map((s) => s.map((x, i) => x + (i % 7))),
    );
    const folder = workspace.path('with-answer');
    cpSync(goldenFolder('llama3-qrm-k5-m3'), folder, { recursive: true });
    await expect(openEvaluator({ model: folder, endpoints: [other.url] })).rejects.toThrow(
      /another backbone/,
    );
    // Without an answer to compare with nothing is known.
    rmSync(join(folder, 'expected.json'));
    await (await openEvaluator({ model: folder, endpoints: [other.url] })).close();
  });
});
