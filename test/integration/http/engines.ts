import { createServer, type IncomingMessage, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OnnxBackbone } from '../../../server/src/engine/backbone/backbone.js';
import { planTrees } from '../../../server/src/engine/trees/trees.js';
import { readGolden } from '../../unit/model/golden.js';
import { openModel } from '../../../server/src/model/bundle/bundle.js';

/** The wire forms of other engines, over the reference backbone: what a client sees of them is this. */
export class Engine {
  readonly requests: { path: string; body: unknown }[] = [];
  private constructor(
    private readonly http: HttpServer,
    readonly url: string,
  ) {}

  static async start(
    owner: string,
    answer: (path: string, body: never, states: States) => Promise<unknown>,
    states: States,
    busy = 0,
  ): Promise<Engine> {
    let turnedAway = 0;
    const http = createServer((request, response) => {
      const work = async (): Promise<void> => {
        const path = request.url ?? '';
        const body = (request.method === 'POST' ? JSON.parse(await textOf(request)) : {}) as never;
        engine.requests.push({ path, body });
        if (request.method === 'POST' && turnedAway++ < busy) {
          response.writeHead(turnedAway % 2 === 0 ? 429 : 502).end('not now');
          return;
        }
        const found =
          path === '/v1/models'
            ? { data: [{ id: 'served', owned_by: owner, max_model_len: 4096 }] }
            : await answer(path, body, states);
        const [status, said] =
          found instanceof Refusal
            ? [found.status, found.said]
            : [found === undefined ? 400 : 200, found ?? {}];
        response.writeHead(status).end(JSON.stringify(said));
      };
      work().catch((error: Error) => response.destroy(error));
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const engine = new Engine(http, `http://127.0.0.1:${(http.address() as AddressInfo).port}`);
    return engine;
  }

  stop(): void {
    this.http.close();
    this.http.closeAllConnections();
  }
}

/** An answer other than 200. */
export class Refusal {
  constructor(
    readonly status: number,
    readonly said: object,
  ) {}
}

/** The hidden states of every token. */
export type States = (ids: readonly number[]) => Promise<Float32Array[]>;

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

/** A backbone as an engine has it: each conversation alone. @param cacheFolder of the converted weights */
export async function statesOf(
  folder: string,
  cacheFolder: string,
): Promise<{ states: States; release: () => Promise<void> }> {
  const model = await openModel(folder, { precision: 'float32', cacheFolder });
  const backbone = await OnnxBackbone.load(model.backbonePath, model.config, {
    provider: 'cpu',
    threads: 1,
  });
  const H = model.config.hiddenSize;
  const states: States = async (ids) => {
    const [plan] = planTrees([{ ids, wanted: ids.map((_, i) => i) }]);
    const all = await backbone.run([plan!.tree]);
    const out: Float32Array[] = [];
    plan!.sources.forEach(({ position }, n) => (out[position] = all.slice(n * H, (n + 1) * H)));
    return out;
  };
  return { states, release: () => backbone.release() };
}

const base64 = (values: Float32Array) =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');

export interface Form {
  readonly owner: string;
  readonly answer: Parameters<typeof Engine.start>[1];
}

/** The first token of what opens the assistant's turn, of the golden models of Llama 3's template. */
const [END_OF_TURN] = readGolden('llama3-qrm-k5-m3').gating_token_pattern;

/**
 * vLLM 0.32: all states of an input one behind the other, or those at the tag that the server was started with; a tag that a request
 * names is passed over (seen with a real one: e2e `engines`).
 */
export function tokenEmbed(tag: number | undefined): Form['answer'] {
  return async (path, body: { task: string; input: number[][] }, states) => {
    if (path !== '/pooling' || body.task !== 'token_embed') return undefined;
    const data = body.input.map(async (ids, index) => {
      const kept = (await states(ids)).filter((_, i) => tag === undefined || ids[i] === tag);
      return { index, data: base64(Float32Array.from(kept.flatMap((s) => [...s]))) };
    });
    return { data: await Promise.all(data) };
  };
}
export const FORMS: Record<string, Form> = {
  'vLLM, embed and LAST': {
    owner: 'vllm',
    answer: async (path, body: { task: string; input: number[][] }, states) => {
      if (path !== '/pooling' || body.task !== 'embed') return undefined;
      const data = body.input.map(async (ids, index) => ({
        index,
        data: base64((await states(ids)).at(-1)!),
      }));
      return { data: await Promise.all(data) };
    },
  },
  'vLLM, token_embed and ALL': { owner: 'vllm', answer: tokenEmbed(undefined) },
  'vLLM, token_embed and STEP': { owner: 'vllm', answer: tokenEmbed(END_OF_TURN) },
  SGLang: {
    owner: 'sglang',
    answer: async (path, body: { query: number[]; items: number[][] }, states) => {
      if (path !== '/v1/score') return undefined;
      const pooled = body.items.map(async (item) => [
        ...(await states([...body.query, ...item])).at(-1)!,
      ]);
      return { object: 'scoring', scores: [], pooled_hidden_states: await Promise.all(pooled) };
    },
  },
  "llama.cpp's server": {
    owner: 'llamacpp',
    answer: async (path, body: { input: number[][] }, states) => {
      if (path !== '/embeddings') return undefined;
      return Promise.all(
        body.input.map(async (ids, index) => ({
          index,
          embedding: (await states(ids)).map((s) => [...s]),
        })),
      );
    },
  },
};
