import { createServer, type IncomingMessage, type Server } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  folderCache,
  Judge,
  JudgeClient,
  JudgeRefused,
  judgePrompt,
} from '../../../server/src/evaluation/judge/index.js';
import { messagesOf, readMark, readVerdict } from '../../../server/src/evaluation/judge/prompt.js';
import type { DatasetRow } from '../../../server/src/datasets/index.js';
import type { PreferenceItem } from '../../../server/src/evaluation/items/item.js';

interface Asked {
  readonly body: { model: string; messages: { role: string; content: string }[] };
  readonly authorization: string | undefined;
}
type Reply = { status?: number; text?: string; headers?: Record<string, string> };

let server: Server;
let url: string;
let asked: Asked[];
let reply: (asked: Asked, attempt: number) => Reply;
let folder: string;

beforeEach(async () => {
  asked = [];
  folder = mkdtempSync(join(tmpdir(), 'judge-'));
  const bodyOf = async (request: IncomingMessage): Promise<string> => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    return Buffer.concat(parts).toString();
  };
  server = createServer((request, response) => {
    bodyOf(request).then(
      (text) => {
        const one = { body: JSON.parse(text) as Asked['body'], authorization: request.headers.authorization }; // prettier-ignore
        asked.push(one);
        const { status = 200, text: said = '', headers = {} } = reply(one, asked.length);
        response.writeHead(status, { 'content-type': 'application/json', ...headers });
        const usage = { prompt_tokens: 10, completion_tokens: 3 };
        response.end(status === 200 ? JSON.stringify({ choices: [{ message: { content: said } }], usage }) : 'no'); // prettier-ignore
      },
      (error: Error) => response.destroy(error),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

const client = (cache = false, more = {}): JudgeClient =>
  new JudgeClient(
    { url, model: 'm', maxTokens: 8, temperature: 0, backoff: 1, ...more },
    cache ? folderCache(folder) : undefined,
  );
const turn = (role: string, content: string) => ({ role, content });
const row = {
  index: 0,
  conversations: ['right', 'wrong'].map((text) => ({ kind: 'completion', label: '', turns: [turn('user', 'Q?'), turn('assistant', text)], targets: [1] })), // prettier-ignore
} as unknown as DatasetRow;
const item = (suite: PreferenceItem['suite']): PreferenceItem => ({ type: 'preference', suite, subset: '', id: undefined, right: [0], wrong: [1] }); // prettier-ignore

describe('a judge', () => {
  it('plays both orders: position bias cancels, and is told', async () => {
    reply = () => ({ text: 'The first. [[A]]' });
    const judge = new Judge(client(), await judgePrompt('pairwise'));
    expect((await judge.judge(item('pairs'), row)).credit).toBe(0.5);
    expect((await judge.judge(item('judgebench'), row)).credit).toBe(0);
    expect(judge.figures).toMatchObject({ games: 4, first: 1, consistent: 0, unparsed: 0, promptTokens: 40 }); // prettier-ignore
    const [first, second] = asked.map(({ body }) => body.messages.at(-1)!.content);
    expect(first!.indexOf('right')).toBeLessThan(first!.indexOf('wrong'));
    expect(second!.indexOf('right')).toBeGreaterThan(second!.indexOf('wrong'));
  });

  it('is right where it prefers the right response in both orders', async () => {
    reply = ({ body }) => {
      const text = body.messages.at(-1)!.content;
      return { text: text.indexOf('right') < text.indexOf('wrong') ? '[[A]]' : '[[B]]' };
    };
    const judge = new Judge(client(), await judgePrompt('pairwise'));
    expect((await judge.judge(item('judgebench'), row)).credit).toBe(1);
    expect(judge.figures.consistent).toBe(1);
  });

  it('counts an answer that is not understood as the benchmark does', async () => {
    reply = () => ({ text: 'Both are fine.' });
    const pairwise = new Judge(client(), await judgePrompt('pairwise'));
    expect((await pairwise.judge(item('rewardbench'), row)).credit).toBe(0.5);
    expect((await pairwise.judge(item('judgebench'), row)).credit).toBe(0);
    expect(pairwise.figures.unparsed).toBe(4);
    reply = ({ body }) => ({ text: body.messages.at(-1)!.content.includes('wrong') ? 'none' : '[[1]]' }); // prettier-ignore
    const absolute = new Judge(client(), await judgePrompt('absolute'));
    expect((await absolute.judge(item('pairs'), row)).credit).toBe(1);
  });

  it('takes its prompt from a file, and says what a file lacks', async () => {
    const file = join(folder, 'rubric.txt');
    writeFileSync(file, 'Be strict.\n---\n{question} {answer_a} {answer_b}');
    const prompt = await judgePrompt('pairwise', file);
    // A text of the data is no name in braces.
    const texts = { question: 'Q', answer_a: '{answer_b}', answer_b: 'B' };
    expect(messagesOf(prompt, texts)).toEqual([turn('system', 'Be strict.'), turn('user', 'Q {answer_b} B')]); // prettier-ignore
    writeFileSync(file, '{question}');
    await expect(judgePrompt('pairwise', file)).rejects.toThrow(/no \{answer_a\}, \{answer_b\}/);
  });
});

describe('the client', () => {
  const ask = (c: JudgeClient) => c.ask([{ role: 'user', content: 'hello' }]);

  it('asks once for the same, whoever asks and whenever', async () => {
    reply = () => ({ text: 'hi' });
    expect(await ask(client(true))).toMatchObject({ text: 'hi', cached: false });
    expect(await ask(client(true))).toMatchObject({ text: 'hi', cached: true, promptTokens: 10 });
    expect(asked.length).toBe(1);
    await ask(client(true, { model: 'other' }));
    expect(asked.length).toBe(2);
  });

  it('tries again what may pass, and not what cannot', async () => {
    reply = (_, attempt) => ({ status: [429, 503, 200][attempt - 1] ?? 200, text: 'ok' });
    expect((await ask(client())).text).toBe('ok');
    expect(asked.length).toBe(3);
    asked = [];
    reply = () => ({ status: 401 });
    await expect(ask(client())).rejects.toThrow(JudgeRefused);
    expect(asked.length).toBe(1);
    reply = () => ({ status: 500 });
    await expect(ask(client(false, { retries: 1 }))).rejects.toThrow(/500/);
  });

  it('sends the key, and names a server that is not there', async () => {
    reply = () => ({ text: '' });
    await ask(client(false, { apiKey: 'k' }));
    expect(asked[0]!.authorization).toBe('Bearer k');
    const nobody = new JudgeClient({ url: 'http://127.0.0.1:9/v1', model: 'm', maxTokens: 1, temperature: 0, retries: 0 }); // prettier-ignore
    await expect(ask(nobody)).rejects.toThrow(/127\.0\.0\.1:9.*cannot be reached/);
  });
});

describe('answers', () => {
  it('are read from their end, without what was thought aloud', () => {
    expect(readVerdict('[[B]] at first, but [[A]]')).toBe('A');
    expect(readVerdict('<think>[[A]]</think> so')).toBeUndefined();
    expect(readVerdict('[[C]]')).toBe('tie');
    expect([readMark('Rating: [[7]]'), readMark('[[8.5]]'), readMark('[[11]]'), readMark('7')]).toEqual([7, 8.5, undefined, undefined]); // prettier-ignore
  });
});
