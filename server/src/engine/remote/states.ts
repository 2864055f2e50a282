import { ask, askInPieces, EndpointError } from './http.js';
import { float32s } from './qrm.js';
import { pickRows } from './rows.js';

/** Tokens, and the positions whose hidden states are wanted, ascending. */
export interface WantedStates {
  readonly ids: readonly number[];
  readonly positions: readonly number[];
}

/** Gives the hidden states after the final norm at each path's positions. */
export type StateReader = (
  paths: readonly WantedStates[],
  signal: AbortSignal | undefined,
) => Promise<Float32Array[][]>;

/**
 * vLLM's `/pooling` with `embed` and LAST: the last token's state of each input. Beginnings are sent before
 * what goes on from them, so that a prefix cache has them.
 */
export const vllmLast =
  (url: string, model: string): StateReader =>
  async (paths, signal) => {
    const known = new Map<string, Float32Array>();
    const cut = ({ ids }: WantedStates, position: number) => ids.slice(0, position + 1);
    const rounds = Math.max(...paths.map((p) => p.positions.length));
    for (let round = 0; round < rounds; round++) {
      const inputs = new Map<string, readonly number[]>();
      for (const path of paths) {
        const position = path.positions[round];
        if (position === undefined) continue;
        const ids = cut(path, position);
        if (!known.has(ids.join())) inputs.set(ids.join(), ids);
      }
      if (inputs.size === 0) continue;
      const data = await pooling(
        url,
        { model, task: 'embed', input: [...inputs.values()] },
        signal,
      );
      [...inputs.keys()].forEach((key, i) => known.set(key, float32s(String(data[i]))));
    }
    return paths.map((p) => p.positions.map((at) => known.get(cut(p, at).join())!));
  };

/**
 * vLLM's `/pooling` with `token_embed`: the states of every token (ALL), or with STEP of those whose id is the `step_tag_id` that
 * the server was started with, told by how many there are. One request has all positions of a conversation.
 * @param hiddenSize numbers of a state
 * @param tag the token whose states a server with STEP should give: the first of what opens the assistant's turn
 */
export const vllmTokens =
  (url: string, model: string, hiddenSize: number, tag: number): StateReader =>
  async (paths, signal) => {
    const body = { model, task: 'token_embed', input: paths.map((p) => p.ids) };
    const data = await pooling(url, body, signal);
    return paths.map(({ ids, positions }, i) => {
      const states = float32s(String(data[i]));
      const rows = states.length / hiddenSize;
      const tags = ids.flatMap((id, at) => (id === tag ? [at] : []));
      if (rows !== ids.length && rows !== tags.length)
        throw new EndpointError(
          'refused',
          `${url}: "token_embed" gives ${states.length} numbers for ${ids.length} tokens; expected ${hiddenSize} for each (ALL), or ` +
            `for each of the ${tags.length} that are token ${tag} (STEP with "step_tag_id": ${tag}, docs/remote.md)`,
        );
      return positions.map((at) => {
        const row = rows === ids.length ? at : tags.indexOf(at);
        if (row < 0)
          throw new EndpointError(
            'refused',
            `${url}: serves the states at token ${tag} alone (STEP), and this model reads others too: serve it with ` +
              '"embed" and LAST (docs/remote.md)',
          );
        return states.slice(row * hiddenSize, (row + 1) * hiddenSize);
      });
    });
  };

async function pooling(url: string, body: object, signal: AbortSignal | undefined) {
  const all = { encoding_format: 'base64', use_activation: false, ...body };
  const { data } = (await ask(url, '/pooling', all, signal)) as {
    data?: { index: number; data: unknown }[];
  };
  if (!Array.isArray(data)) throw new EndpointError('down', `${url}/pooling: no "data"`);
  return [...data].sort((a, b) => a.index - b.index).map((d) => d.data);
}

/** SGLang's `/v1/score`: the pooled state of each item after a common beginning. */
export const sglangScore =
  (url: string, model: string): StateReader =>
  (paths, signal) =>
    Promise.all(
      paths.map(async ({ ids, positions }) => {
        const first = positions[0] ?? 0;
        const items = positions.map((at) => ids.slice(first, at + 1));
        const body = {
          model,
          query: ids.slice(0, first),
          items,
          label_token_ids: [0],
          return_pooled_hidden_states: true,
        };
        const { pooled_hidden_states: states } = (await ask(url, '/v1/score', body, signal)) as {
          pooled_hidden_states?: (number[] | null)[];
        };
        return positions.map((_, i) => Float32Array.from(states?.[i] ?? []));
      }),
    );

/**
 * llama.cpp's server with `--pooling none`: every token's state, of which rows are taken. An input has to fit in one
 * of its physical batches; one that does not is answered with 500, though the server is well.
 */
export const llamaRows =
  (url: string): StateReader =>
  (paths, signal) =>
    Promise.all(
      paths.map(async ({ ids, positions }) => {
        try {
          return await askInPieces(url, '/embeddings', { input: [ids] }, signal, (pieces) =>
            pickRows(pieces, positions, url),
          );
        } catch (error) {
          if (!(error instanceof EndpointError) || !/too large to process/.test(error.message))
            throw error;
          throw new EndpointError(
            'rejected',
            `${url}: ${ids.length} tokens do not fit in one batch of llama-server: start it with -b and -ub of ` +
              `the longest conversation (${error.message})`,
          );
        }
      }),
    );
