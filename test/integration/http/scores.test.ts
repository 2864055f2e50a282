import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChatTemplate, templateOf } from '../../../server/src/model/tokenizer/chat-template.js';
import { readGolden } from '../../unit/model/golden.js';
import { hhLines, jsonLines, MODEL, Workspace } from '../cli/helpers.js';
import { Server } from './server.js';

interface Entry {
  readonly conversation: number;
  readonly expectation: number;
  readonly quantiles: readonly number[];
  readonly measures: Record<string, number>;
  readonly attributes: Record<string, number[]>;
  readonly gate: Record<string, number>;
  readonly error?: string;
}
interface Distributions {
  readonly levels: readonly number[];
  readonly data: readonly Entry[];
}

const workspace = new Workspace();
const { cases } = readGolden('llama3-qrm-k5-m3');
const config = JSON.parse(readFileSync(join(MODEL, 'tokenizer_config.json'), 'utf8')) as Record<
  string,
  unknown
>;
const template = new ChatTemplate(templateOf(config, MODEL), config, MODEL);
const texts = cases.map(({ messages }) => template.render(messages));
const close = (found: number, expected: number): void =>
  expect(Math.abs(found - expected)).toBeLessThanOrEqual(Math.max(1e-5, 1e-4 * Math.abs(expected)));

let server: Server;
beforeAll(async () => (server = await Server.start(workspace)));
afterAll(() => workspace.end());

describe('the scores of qrm serve', () => {
  it('are the reference, in its own form', async () => {
    const what = ['quantiles', 'attributes', 'gate', 'measures'];
    const conversations = cases.map((c) => c.messages);
    const { data } = await server.ask<Distributions>('/v1/distributions', { conversations, what });
    expect(data).toHaveLength(cases.length);
    for (const [i, c] of cases.entries()) {
      // What the command line refuses to judge is refused here too.
      if (c.messages.at(-1)!.content.trim() === '') {
        expect(data[i]!.error).toMatch(/is empty/);
        continue;
      }
      close(data[i]!.expectation, c.score);
      data[i]!.quantiles.forEach((q, k) => close(q, c.reward_quantiles[k]!));
      Object.values(data[i]!.gate).forEach((g, m) => close(g, c.gating_weights[m]!));
      Object.values(data[i]!.attributes).forEach((a, m) =>
        a.forEach((x, k) => close(x, c.adjusted_attribute_quantiles[m]![k]!)),
      );
    }
  });

  it('equal those of the command line to the last bit, whatever they are asked with', async () => {
    const file = workspace.path('pairs.jsonl');
    writeFileSync(file, hhLines(0, 24).join('\n'));
    const { stdout, code } = await workspace.score('score', file);
    expect(code).toBe(0);
    const lines = jsonLines(stdout);
    const chats = hhLines(0, 24).flatMap((line) => {
      const { chosen, rejected } = JSON.parse(line) as { chosen: string; rejected: string };
      return [chosen, rejected].map(turnsOf);
    });
    expect(chats).toHaveLength(lines.length);
    const what = ['quantiles', 'measures'];
    const ask = (conversations: unknown[]) =>
      server.ask<Distributions>('/v1/distributions', { conversations, what });
    const together = (await ask(chats)).data;
    const alone = (await Promise.all(chats.map((chat) => ask([chat])))).map((a) => a.data[0]!);
    const backwards = (await ask([...chats].reverse())).data.slice().reverse();
    for (const found of [together, alone, backwards])
      for (const [i, line] of lines.entries()) {
        if (line['error'] !== undefined) expect(found[i]!.error).toBe(line['error']);
        else {
          expect(found[i]!.expectation).toBe(line['expectation']);
          expect(found[i]!.measures['tail']).toBe(line['tail']);
          expect(found[i]!.measures['sorted']).toEqual(line['quantiles']);
        }
      }
  });

  it('are the same through every other form', async () => {
    const one = texts[0]!;
    const [first] = (
      await server.ask<Distributions>('/v1/distributions', { messages: cases[0]!.messages })
    ).data;
    const r = first!.expectation;
    const tail = first!.measures['tail']!;
    const ids = cases.map((c) => c.input_ids);
    expect(await server.ask('/get_reward', { query: [one], prompts: ['p'], labels: [1] })).toEqual({
      rewards: [r],
      scores: [r],
      extra_logs: { q05: [tail], cvar20: [first!.measures['cvar']] },
    });
    expect(await server.ask('/get_reward', { query: [one] })).toHaveProperty('rewards', [r]);
    const classified = await server.ask('/classify', { input: one, use_activation: false });
    expect(classified).toMatchObject({
      object: 'list',
      data: [{ index: 0, probs: [r], num_classes: 1 }],
      usage: { prompt_tokens: ids[0]!.length, total_tokens: ids[0]!.length, completion_tokens: 0 },
    });
    // verl strips the BOS token.
    const bare = one.replace(/^<\|begin_of_text\|>/, '');
    for (const body of [
      { input: [bare] },
      { input: ids[0] },
      { input: [ids[0]] },
      { messages: cases[0]!.messages },
    ])
      expect(await server.ask('/classify', body)).toMatchObject({ data: [{ probs: [r] }] });
    expect(await server.ask('/v1/embeddings', { model: 'default', input: one })).toMatchObject({
      object: 'list',
      data: [{ object: 'embedding', index: 0, embedding: [r] }],
    });
    const pooled = await server.ask<{ data: { data: string; quantiles: string }[] }>('/pooling', {
      input: one,
      task: 'classify',
      encoding_format: 'base64',
    });
    const floats = (text: string) => {
      const bytes = Buffer.from(text, 'base64');
      return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
    };
    expect(floats(pooled.data[0]!.data)).toEqual([Math.fround(r)]);
    expect(floats(pooled.data[0]!.quantiles)).toEqual([...first!.quantiles].sort((a, b) => a - b));
    expect(await server.ask('/classify', { text: [one] })).toMatchObject([{ embedding: [r] }]);
    expect(await server.ask('/classify', { text: one })).toMatchObject({ embedding: [r] });
    expect(await server.ask('/classify', { input_ids: [ids[0]] })).toMatchObject([
      { embedding: [r] },
    ]);
    expect(await server.ask('/predict', { inputs: one })).toEqual([{ score: r, label: 'mean' }]);
    expect(await server.ask('/predict', { inputs: [[one], [one]] })).toEqual([
      [{ score: r, label: 'mean' }],
      [{ score: r, label: 'mean' }],
    ]);
  });

  it('of a prompt and its answers are those of the messages', async () => {
    const [query, documents] = ['Is it far?', ['Yes.', 'Not at all, it is near.', 'No.']];
    const { data } = await server.ask<Distributions>('/v1/distributions', {
      prompt: query,
      completions: documents,
    });
    const scores = data.map((d) => d.expectation);
    const scored = { data: scores.map((score, index) => ({ index, object: 'score', score })) };
    for (const body of [
      { text_1: query, text_2: documents },
      { queries: [query, query, query], documents },
      { data_1: query, data_2: documents },
    ])
      expect(await server.ask('/score', body)).toMatchObject(scored);
    const order = [0, 1, 2].sort((a, b) => scores[b]! - scores[a]!);
    const ranked = order.map((index) => ({
      index,
      document: { text: documents[index] },
      relevance_score: scores[index],
    }));
    expect(await server.ask('/rerank', { query, documents })).toHaveProperty('results', ranked);
    expect(await server.ask('/v1/rerank', { query, documents, top_n: 1 })).toHaveProperty(
      'results',
      ranked.slice(0, 1),
    );
    expect(await server.ask('/rerank', { query, texts: documents, return_text: true })).toEqual(
      order.map((index) => ({ index, score: scores[index], text: documents[index] })),
    );
    expect(await server.ask('/predict', { inputs: [query, documents[0]] })).toEqual([
      { score: scores[0], label: 'mean' },
    ]);
  });

  it('are the number that the name asks for', async () => {
    const { data } = await server.ask<Distributions>('/v1/distributions', {
      messages: cases[0]!.messages,
      what: ['quantiles', 'attributes', 'measures'],
      lambda: 2,
    });
    const { measures, attributes, expectation } = data[0]!;
    const [name, values] = Object.entries(attributes)[0]!;
    const sorted = [...data[0]!.quantiles].sort((a, b) => a - b);
    const utility = sorted.reduce((sum, q) => sum - Math.exp(-2 * q), 0) / sorted.length;
    const expected: Record<string, number> = {
      mean: expectation,
      q05: measures['tail']!,
      cvar20: measures['cvar']!,
      'ce(lambda=2)': measures['certainty_equivalent']!,
      'utility(lambda=2)': utility,
      [`attribute(${name})`]: values.reduce((a, b) => a + b, 0) / values.length,
    };
    for (const [reward, value] of Object.entries(expected)) {
      for (const model of [`default:${reward}`, `:${reward}`]) {
        const found = await server.ask<{ data: { probs: number[] }[] }>('/classify', {
          model,
          input: texts[0],
        });
        expect(found.data[0]!.probs[0]).toBeCloseTo(value, 12);
      }
      const inQuery = await server.ask<{ rewards: number[] }>(
        `/get_reward?model=${encodeURIComponent(`:${reward}`)}`,
        { query: [texts[0]] },
      );
      expect(inQuery.rewards[0]).toBeCloseTo(value, 12);
    }
    for (const model of [':q0', ':q100', ':median', ':attribute(no)', ':ce(lambda=x)'])
      expect((await server.post('/classify', { model, input: texts[0] })).status).toBe(400);
  });
});

describe("a policy's texts", () => {
  it('are read back by its own template and scored as messages', async () => {
    const policy = join(import.meta.dirname, '../../../models/default');
    const other = await Server.start(workspace, '--policy-template', policy);
    const settings = JSON.parse(
      readFileSync(join(policy, 'tokenizer_config.json'), 'utf8'),
    ) as Record<string, unknown>;
    const chatml = new ChatTemplate(templateOf(settings, policy), settings, policy);
    const messages = [
      { role: 'user', content: 'Is it far?' },
      { role: 'assistant', content: 'No, it is near.' },
    ];
    const made = chatml.render(messages);
    const asked = await other.ask<Distributions>('/v1/distributions', { messages });
    const r = asked.data[0]!.expectation;
    for (const query of [made, made.trimEnd(), made.replace(/<\|im_end\|>\s*$/, '')])
      expect(await other.ask('/get_reward', { query: [query] })).toHaveProperty('rewards', [r]);
    const stranger = await other.post('/get_reward', { query: [texts[0]] });
    expect(stranger.status).toBe(400);
    await other.stop();
  });
});

function turnsOf(transcript: string) {
  return transcript
    .split(/\n\n(?=(?:Human|Assistant): ?)/)
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const [, who, content = ''] = /^(Human|Assistant): ?([\s\S]*)$/.exec(part) ?? [];
      return { role: who === 'Human' ? 'user' : 'assistant', content };
    });
}
