import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MODEL, Workspace } from '../cli/helpers.js';
import { Server } from './server.js';

const workspace = new Workspace();
afterAll(() => workspace.end());

const chat = (response: string) => ({
  messages: [
    { role: 'user', content: 'Is it far?' },
    { role: 'assistant', content: response },
  ],
});
const long = (n: number) => ({
  conversations: Array.from({ length: n }, (_, i) => chat(`${i} ${'word '.repeat(60)}`)),
});
const until = async (condition: () => Promise<boolean>): Promise<void> => {
  while (!(await condition())) await new Promise((r) => setTimeout(r, 20));
};

describe('what a request may do', () => {
  let server: Server;
  beforeAll(async () => {
    server = await Server.start(workspace, '--max-body', '0.1', '--max-conversations', '5', '--name', 'mine,org/other'); // prettier-ignore
  });

  it('is told by errors that name what was expected', async () => {
    const cases: [string, unknown, number, RegExp][] = [
      ['/v1/distributions', {}, 400, /expected one of: messages/],
      ['/v1/distributions', { messages: [] }, 400, /messages/],
      ['/v1/distributions', { ...chat('x'), bogus: 1 }, 400, /additional properties/],
      ['/v1/distributions', { ...chat('x'), weights: { no: 1 } }, 400, /no attribute/],
      ['/v1/distributions', long(6), 413, /at most 5/],
      ['/v1/distributions', chat('x'.repeat(200_000)), 413, /too large/],
      ['/v1/distributions', '{"messages": [', 400, /JSON/],
      ['/classify', { model: 'no/such', input: 'x' }, 404, /does not exist/],
      ['/classify', { model: 'file:///etc/passwd', input: 'x' }, 404, /does not exist/],
      ['/classify', { model: 'http://127.0.0.1:1/x', input: 'x' }, 404, /does not exist/],
      ['/classify', { input: 'no turns' }, 400, /no assistant's turn/],
      ['/classify', { input: [1, 2, 10_000_000] }, 400, /expected ids from 0/],
      ['/classify', { ...chat('x'), chat_template: '{{ 1 }}' }, 400, /chat_template/],
      ['/classify', { ...chat('x'), add_generation_prompt: true }, 400, /finished response/],
      ['/classify', { messages: [{ role: 'user', content: 'x' }] }, 400, /assistant's/],
      ['/classify', { messages: [{ role: 'assistant', content: [{ type: 'image_url' }] }] }, 400, /expected a text/], // prettier-ignore
      ['/pooling', { ...chat('x'), task: 'embed' }, 400, /not served here/],
      ['/pooling', { ...chat('x'), encoding_format: 'base64', embed_dtype: 'fp8' }, 400, /float16/],
      ['/v1/embeddings', { ...chat('x'), dimensions: 7 }, 400, /dimensions/],
      ['/score', { queries: ['a', 'b'], documents: ['c'] }, 400, /one query, or one for each/],
      ['/rerank', { query: 'a' }, 400, /documents/],
      ['/predict', { inputs: [['a', 'b', 'c']] }, 400, /./],
      ['/get_reward', { query: 7 }, 400, /query/],
      ['/get_reward', { query: 'x', model: { role: ' ' } }, 400, /model must be string/],
      ['/predict', { inputs: 'x', model: [1] }, 400, /model must be string/],
      ['/v1/nothing', {}, 404, /there is no POST/],
    ];
    for (const [path, body, status, message] of cases) {
      const response = await server.post(path, body);
      const text = await response.text();
      expect([path, response.status, text]).toEqual([path, status, expect.stringMatching(message)]);
    }
    expect((await server.post('/classify', 'x', { 'content-type': 'text/plain' })).status).toBe(
      415,
    );
  });

  it('lists the names that it goes by, and no other is known', async () => {
    const { data } = (await (await server.fetch('/v1/models')).json()) as {
      data: { id: string; max_model_len: number }[];
    };
    expect(data.map((m) => m.id)).toEqual(expect.arrayContaining(['mine', 'org/other', 'default']));
    for (const { id } of data)
      expect((await server.post('/classify', { model: `${id}:q05`, ...chat('x') })).status).toBe(
        200,
      );
  });

  it('describes itself, and every route of the description answers', async () => {
    const api = (await (await server.fetch('/openapi.json')).json()) as {
      openapi: string;
      paths: Record<string, Record<string, unknown>>;
    };
    expect(api.openapi).toMatch(/^3\./);
    const expected = ['/v1/distributions', '/get_reward', '/classify', '/pooling', '/score', '/rerank', '/v1/embeddings', '/predict', '/v1/models', '/health', '/ready', '/metrics']; // prettier-ignore
    expect(Object.keys(api.paths)).toEqual(expect.arrayContaining(expected));
    for (const [path, methods] of Object.entries(api.paths))
      for (const method of Object.keys(methods)) {
        const found = method === 'get' ? await server.fetch(path) : await server.post(path, {});
        expect([path, found.status]).toEqual([path, method === 'get' ? 200 : 400]);
      }
  });

  it('is refused from a page whose name leads here', async () => {
    const status = await new Promise((resolve, reject) => {
      const url = new URL(server.url);
      request({ ...{ hostname: url.hostname, port: url.port }, path: '/v1/models', headers: { host: 'evil.example' } }, (r) => resolve(r.statusCode)) // prettier-ignore
        .on('error', reject)
        .end();
    });
    expect(status).toBe(403);
  });

  it('leaves no text in the metrics or the log', async () => {
    const secret = 'Xyzzyplugh';
    await server.post('/v1/distributions', chat(secret));
    await server.post(`/classify?model=${secret}`, { input: secret });
    await server.post('/v1/distributions', `{"${secret}": ${secret}`);
    await server.fetch(`/${secret}`);
    const metrics = await (await server.fetch('/metrics')).text();
    expect(metrics).toMatch(/qrm_conversations_total [1-9]/);
    expect(metrics).not.toContain(secret);
    const { stderr, code } = await server.stop();
    expect(code).toBe(0);
    expect(stderr).not.toContain(secret);
  });
});

describe('a server with a token', () => {
  it('answers nobody else, but says that it is alive', async () => {
    const server = await Server.start(workspace, '--token', 'sesame');
    expect((await server.fetch('/health')).status).toBe(200);
    expect((await server.fetch('/ready')).status).toBe(200);
    const wrong: Record<string, string>[] = [
      {},
      { authorization: 'Bearer sesam' },
      { authorization: 'sesame' },
    ];
    for (const headers of wrong) {
      expect((await server.post('/v1/distributions', chat('x'), headers)).status).toBe(401);
      expect((await server.fetch('/metrics', { headers })).status).toBe(401);
    }
    const headers = { authorization: 'Bearer sesame' };
    expect((await server.post('/v1/distributions', chat('x'), headers)).status).toBe(200);
    await server.stop();
  });

  it('is what another address needs', async () => {
    const { code, stderr } = await workspace.run('serve', '--host', '0.0.0.0', '--port', '0');
    expect(code).toBe(2);
    expect(stderr).toMatch(/--token/);
  });
});

describe('work', () => {
  it('waits in a queue of so many, and is refused beyond', async () => {
    const server = await Server.start(workspace, '--max-queue', '40', '--max-conversations', '40', '--threads', '1'); // prettier-ignore
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => server.post('/v1/distributions', long(20))),
    );
    const refused = answers.filter((a) => a.status === 429);
    const served = answers.filter((a) => a.status === 200);
    expect(refused.length + served.length).toBe(12);
    expect(refused.length).toBeGreaterThan(0);
    expect(served.length).toBeGreaterThan(0);
    for (const { headers } of refused)
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    for (const answer of served)
      expect(((await answer.json()) as { data: unknown[] }).data).toHaveLength(20);
    expect(await server.metric('qrm_refused_total')).toBe(refused.length);
    expect(await server.metric('qrm_queue_conversations')).toBe(0);
    await server.stop();
  });

  it('is given up by a deadline and by a client that leaves', async () => {
    const server = await Server.start(workspace, '--threads', '1');
    const late = await server.post('/v1/distributions', long(900), { 'x-request-timeout': '0.05' });
    expect(late.status).toBe(504);
    const leave = new AbortController();
    const left = server
      .fetch('/v1/distributions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(long(900)),
        signal: leave.signal,
      })
      .catch(() => undefined);
    await until(async () => (await server.metric('qrm_queue_conversations')) > 0);
    leave.abort();
    await left;
    await until(async () => (await server.metric('qrm_queue_conversations')) === 0);
    // Far fewer than were asked for.
    expect(await server.metric('qrm_conversations_total')).toBeLessThan(900);
    await server.stop();
  });

  it('under way is finished after SIGTERM, and nothing else is taken', async () => {
    const server = await Server.start(workspace, '--threads', '1');
    const answer = server.post('/v1/distributions', long(300));
    await until(async () => (await server.metric('qrm_queue_conversations')) > 0);
    server.child.kill('SIGTERM');
    const { data } = (await (await answer).json()) as { data: { error?: string }[] };
    expect(data).toHaveLength(300);
    expect(data.every((d) => d.error === undefined)).toBe(true);
    const { code, stderr } = await server.done;
    expect(code).toBe(0);
    expect(stderr).toMatch(/SIGTERM/);
  });
});

describe('qrm serve --stdio', () => {
  it('answers length-prefixed messages with what HTTP answers', async () => {
    const server = await Server.start(workspace);
    const expected = await server.ask<{ data: unknown[] }>('/v1/distributions', chat('Near.'));
    await server.stop();
    const { child, done } = workspace.start(['serve', '--stdio', '--model', MODEL, '--device', 'cpu', '--precision', 'float32']); // prettier-ignore
    const chunks: Buffer[] = [];
    child.stdout?.removeAllListeners('data');
    child.stdout?.on('data', (d: Buffer) => chunks.push(d));
    const send = (message: unknown) => {
      const json = Buffer.from(JSON.stringify(message));
      const head = Buffer.alloc(4);
      head.writeUInt32LE(json.length);
      child.stdin?.write(head);
      child.stdin?.write(json);
    };
    send({ id: 'a', body: chat('Near.') });
    send({ id: 'b', body: { bogus: 1 } });
    child.stdin?.end();
    expect((await done).code).toBe(0);
    const all = Buffer.concat(chunks);
    const found = new Map<unknown, { result?: { data: unknown[] }; error?: string }>();
    for (let at = 0; at < all.length;) {
      const n = all.readUInt32LE(at);
      const message = JSON.parse(all.toString('utf8', at + 4, at + 4 + n)) as { id?: string };
      found.set(message.id, message as never);
      at += 4 + n;
    }
    expect(found.get(undefined)).toHaveProperty('ready.levels');
    expect(found.get('a')?.result?.data).toEqual(expected.data);
    expect(found.get('b')?.error).toMatch(/expected one of/);
  });
});
