import type { HeadsModel } from '../../model/bundle/heads-model.js';
import { isUrl, type EvaluatorOptions } from '../client.js';
import { streamInOrder } from '../stream.js';
import type { Evaluator, GroupResult, ScoreGroup, ScoreOptions, TaggedGroups } from '../types.js';
import { checkGolden } from './check.js';
import type { RemoteEngine } from './engine.js';
import { hiddenEngine } from './hidden.js';
import { ask, EndpointError } from './http.js';
import { EnginePool } from './pool.js';
import { qrmEngine, type QrmModel } from './qrm.js';
import { llamaRows, sglangScore, vllmLast, vllmStep, type StateReader } from './states.js';

/** Groups kept under way for each engine. */
const AHEAD = 64;

/**
 * The evaluator of engines that answer at URLs: `qrm serve`, whose distributions come back, or vLLM, SGLang
 * and llama.cpp's server, whose hidden states come back. They share the work; those that cannot be reached at
 * the start are tried again later, if one can.
 * @param urls of engines that share the work, http or https
 * @param options `model` names the heads where an engine gives hidden states alone
 * @throws Error naming the URL and what was expected of it; AbortError
 */
export async function openRemote(
  urls: readonly [string, ...string[]],
  { model, signal, onRestart, onProgress }: EvaluatorOptions,
): Promise<Evaluator> {
  for (const url of urls)
    if (!isUrl(url) || !URL.canParse(url))
      throw new Error(`${url}: expected the URL of an engine, such as http://127.0.0.1:8000`);
  let heads: Promise<HeadsModel> | undefined;
  const wanted = isUrl(model) ? undefined : model;
  const open = (url: string) =>
    openEngine(url, signal, () => {
      heads ??= import('../../model/bundle/heads-model.js').then((m) => m.openHeads(wanted));
      return heads;
    });
  onProgress?.({ message: `Asking ${urls.join(', ')}` });
  const opened = await Promise.allSettled(urls.map((url) => patiently(() => open(url), signal)));
  signal?.throwIfAborted();
  const there = opened.flatMap((o) => (o.status === 'fulfilled' ? [o.value] : []));
  const failed = opened.flatMap((o) => (o.status === 'rejected' ? [o.reason as Error] : []));
  const wrong = failed.find((e) => !(e instanceof EndpointError) || ends(e));
  const [first] = there;
  if (wrong !== undefined) throw wrong;
  if (first === undefined) throw failed[0]!;
  for (const engine of there) sameModel(engine, first);
  for (const error of failed) onRestart?.(`${error.message}; it is tried again later`);
  const pool = new EnginePool<RemoteEngine>(
    urls.map((url, i) => {
      const o = opened[i]!;
      return o.status === 'fulfilled' ? o.value : lateEngine(url, first, () => open(url));
    }),
    onRestart,
  );
  const score = async (group: ScoreGroup, { signal: s, priority = 0 }: ScoreOptions = {}) => {
    try {
      return await pool.run<GroupResult>((e) => e.score(group, s, priority), s, priority);
    } catch (error) {
      // What one group is not taken for says nothing of the others.
      if (!(error instanceof EndpointError) || error.kind !== 'rejected') throw error;
      const failure = { ok: false as const, error: error.message };
      return { results: group.conversations.map((c) => c.targets.map(() => failure)) };
    }
  };
  return {
    info: first.info,
    score,
    scoreStream: <T>(groups: TaggedGroups<T>, o: ScoreOptions = {}) =>
      streamInOrder(score, groups, o, AHEAD * urls.length),
    close: () => Promise.resolve(pool.close()),
  };
}

/** Tries anew what failed in passing: three times, within two seconds. */
async function patiently<T>(open: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  for (let wait = 250; ; wait *= 2) {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof EndpointError) || ends(error) || wait > 1000) throw error;
      await new Promise((resolve) => setTimeout(resolve, wait));
      signal?.throwIfAborted();
    }
  }
}

const ends = ({ kind }: EndpointError): boolean => kind === 'refused' || kind === 'rejected';

/** @throws Error where two engines would give one run numbers of two kinds */
function sameModel(engine: RemoteEngine, first: RemoteEngine): void {
  if (engine.info.modelHash === first.info.modelHash) return;
  throw new Error(
    `${engine.url} serves ${engine.info.modelName} (${engine.info.modelHash}), ` +
      `${first.url} ${first.info.modelName} (${first.info.modelHash}): expected one model, precision and kind of device`,
  );
}

/** One that was not there at the start: asked what it serves before the first work. */
function lateEngine(
  url: string,
  first: RemoteEngine,
  open: () => Promise<RemoteEngine>,
): RemoteEngine {
  let engine: RemoteEngine | undefined;
  return {
    url,
    info: first.info,
    async score(group, signal, priority) {
      if (engine === undefined) {
        const found = await open();
        try {
          sameModel(found, first);
        } catch (error) {
          // It must not have work; the others go on.
          throw new EndpointError('down', (error as Error).message);
        }
        engine = found;
      }
      return engine.score(group, signal, priority);
    },
  };
}

interface Listed {
  readonly id: string;
  readonly owned_by?: string;
  readonly max_model_len?: number | null;
  readonly qrm?: QrmModel;
  readonly meta?: { readonly n_ctx_train?: number };
}

/** Asks who is there. @throws EndpointError; Error */
async function openEngine(
  url: string,
  signal: AbortSignal | undefined,
  heads: () => Promise<HeadsModel>,
): Promise<RemoteEngine> {
  const { data } = (await ask(url, '/v1/models', undefined, signal)) as { data?: Listed[] };
  const served = data?.[0];
  if (served === undefined) throw new Error(`${url}/v1/models: lists no model`);
  if (served.qrm) return qrmEngine(url, served.qrm, served.max_model_len ?? Infinity);
  const model = await heads();
  const maxTokens = served.max_model_len ?? served.meta?.n_ctx_train ?? Infinity;
  const owner = served.owned_by ?? 'nobody';
  const readers: Readonly<Record<string, () => StateReader | Promise<StateReader>>> = {
    vllm: () => vllmReader(url, served.id, model, signal),
    sglang: () => sglangScore(url, served.id),
    llamacpp: () => llamaRows(url),
  };
  const reader = readers[owner];
  if (reader === undefined)
    throw new Error(
      `${url}: a server of "${owner}"; expected qrm serve, vLLM, SGLang or llama.cpp's server`,
    );
  const source = { url, backend: owner, served: served.id, maxTokens, read: await reader() };
  const engine = await hiddenEngine(source, model, signal);
  await checkGolden(engine, model, signal);
  return engine;
}

/** A vLLM server has one task: the last token's state, or that of every token that ends a turn. */
async function vllmReader(
  url: string,
  id: string,
  model: HeadsModel,
  signal: AbortSignal | undefined,
): Promise<StateReader> {
  const last = vllmLast(url, id);
  try {
    await last([{ ids: [1, 2, 3], positions: [2] }], signal);
    return last;
  } catch (error) {
    const [tag] = model.tokenizer.opening;
    if (!(error instanceof EndpointError) || !ends(error) || tag === undefined) throw error;
    try {
      await vllmStep(url, id, tag)([{ ids: [1, tag, 3], positions: [1] }], signal);
      return vllmStep(url, id, tag);
    } catch {
      throw error; // what the first said is the one to put right
    }
  }
}
