import type { HeadsModel } from '../../model/bundle/heads-model.js';
import { isUrl, type EvaluatorOptions } from '../client.js';
import { streamInOrder } from '../stream.js';
import type {
  Evaluator,
  GroupResult,
  ScoreConversation,
  ScoreGroup,
  ScoreOptions,
  TaggedGroups,
} from '../types.js';
import { checkGolden } from './check.js';
import type { RemoteEngine } from './engine.js';
import { gather, type GatherOptions, type Serving } from './gather.js';
import { hiddenEngine } from './hidden.js';
import { EndpointError } from './http.js';
import { qrmEngine } from './qrm.js';
import { openStates, servedAt, type StateEngine, type WantedBackbone } from './source.js';
import type { StateReader } from './states.js';

export { EndpointError } from './http.js';
export type { WantedBackbone } from './source.js';
export type { WantedStates } from './states.js';

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
  options: EvaluatorOptions,
): Promise<Evaluator> {
  let heads: Promise<HeadsModel> | undefined;
  const wanted = isUrl(options.model) ? undefined : options.model;
  const open = async (url: string): Promise<RemoteEngine & Serving> => {
    const engine = await openEngine(url, options.signal, () => {
      heads ??= import('../../model/bundle/heads-model.js').then((m) => m.openHeads(wanted));
      return heads;
    });
    const { modelName, modelHash: identity } = engine.info;
    return { ...engine, modelName, identity };
  };
  const { first, pool } = await gather(urls, open, options);
  const score = async (group: ScoreGroup, o: ScoreOptions = {}): Promise<GroupResult> => {
    const { signal: s, priority = 0 } = o;
    const work = async ({ engine }: { engine: () => Promise<RemoteEngine> }) =>
      (await engine()).score(group, s, priority);
    try {
      return await pool.run<GroupResult>(work, s, priority);
    } catch (error) {
      if (!(error instanceof EndpointError) || error.kind !== 'rejected') throw error;
      // What one response is not taken for says nothing of those that were sent with it.
      const each = group.conversations.map((c) => c.targets.map((t) => ({ ...c, targets: [t] })));
      const failure = { ok: false as const, error: error.message };
      if (each.flat().length < 2) return { results: each.map((c) => c.map(() => failure)) };
      const alone = async (c: ScoreConversation) =>
        (await score({ conversations: [c] }, o)).results[0]![0]!;
      return { results: await Promise.all(each.map((c) => Promise.all(c.map(alone)))) };
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

async function openEngine(
  url: string,
  signal: AbortSignal | undefined,
  heads: () => Promise<HeadsModel>,
): Promise<RemoteEngine> {
  const served = await servedAt(url, signal);
  if (served.qrm) return qrmEngine(url, served.qrm, served.max_model_len ?? Infinity);
  const model = await heads();
  const { name, tokenizer, maxTokens, config } = model;
  const backbone = { name, tokenizer, maxTokens, hiddenSize: config.hiddenSize };
  const engine = hiddenEngine(await openStates(url, served, backbone, signal), model);
  await checkGolden(engine, model, signal);
  return engine;
}

/** Engines at URLs that give a backbone's hidden states; they share the work. */
export interface RemoteStates extends Pick<
  StateEngine,
  'backend' | 'served' | 'dtype' | 'maxTokens' | 'read'
> {
  /** Requests that are best kept under way. */
  readonly ahead: number;
  readonly close: () => void;
}

/**
 * Hidden states of a backbone that vLLM, SGLang or llama.cpp's server runs.
 * @throws Error naming the URL and what was expected of it, `qrm serve` too: its answers are rewards; AbortError
 */
export async function openRemoteStates(
  urls: readonly string[],
  backbone: WantedBackbone,
  options: GatherOptions,
): Promise<RemoteStates> {
  const open = async (url: string): Promise<StateEngine & Serving> => {
    const served = await servedAt(url, options.signal);
    if (served.qrm)
      throw new Error(
        `${url}: qrm serve answers with rewards; expected an engine that gives the hidden states of ` +
          `${backbone.name}: vLLM, SGLang or llama.cpp's server (docs/remote.md)`,
      );
    const engine = await openStates(url, served, backbone, options.signal);
    const identity = `${engine.backend}-${engine.dtype}-${engine.served}`;
    return { ...engine, modelName: engine.served, identity };
  };
  const { first, pool } = await gather(urls, open, options);
  const { backend, served, dtype, maxTokens } = first;
  const read: StateReader = (paths, signal) =>
    pool.run(async ({ engine }) => (await engine()).read(paths, signal), signal, 0);
  const ahead = AHEAD * urls.length;
  return { backend, served, dtype, maxTokens, read, ahead, close: () => pool.close() };
}
