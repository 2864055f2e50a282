import type { HeadsModel } from '../../model/bundle/heads-model.js';
import { applyHeads } from '../../model/heads/heads-math.js';
import { expectation, mixQuantiles } from '../../qrm/index.js';
import { conversationPaths } from '../paths.js';
import type { GroupResult, ScoreGroup, TargetResult } from '../types.js';
import type { RemoteEngine } from './engine.js';
import { EndpointError } from './http.js';
import type { StateReader, WantedStates } from './states.js';

/** Who gives the hidden states. */
export interface StateSource {
  readonly url: string;
  /** `vllm`, `sglang`, `llama.cpp` */
  readonly backend: string;
  /** What the engine calls its model. */
  readonly served: string;
  /** The longest context that it takes. */
  readonly maxTokens: number;
  readonly read: StateReader;
}

/** An engine that runs the backbone; tokens are made here, and heads and gate are run here. */
export async function hiddenEngine(
  { url, backend, served, maxTokens, read }: StateSource,
  model: HeadsModel,
  signal: AbortSignal | undefined,
): Promise<RemoteEngine> {
  const H = model.config.hiddenSize;
  const checked: StateReader = async (paths, s) => {
    const states = await read(paths, s);
    for (const state of states.flat())
      if (state.length !== H || !state.every(Number.isFinite))
        throw new EndpointError(
          'refused',
          `${url}: a hidden state of ${state.length} numbers; ${model.name} has ${H}: is it the same backbone, ` +
            `and served as its hidden states (docs/remote.md)?`,
        );
    return states;
  };
  const probe = { messages: PROBE, targets: [1] };
  const limits = { ...model, maxTokens: Math.min(maxTokens, model.maxTokens) };
  const [path] = conversationPaths(limits, probe);
  if (path === undefined || 'error' in path)
    throw new Error(`${model.name}: ${path?.error ?? 'no tokens'}`);
  const [states] = await checked([{ ids: path.ids, positions: [path.reward] }], signal);
  const dtype = dtypeOf(states?.[0] ?? []);
  return {
    url,
    info: {
      spec: model.heads.spec,
      modelName: model.name,
      modelHash: `${model.fingerprint}@${backend}-${dtype}-${served}`,
      precision: dtype,
      executionProvider: `${backend} at ${new URL(url).host}`,
      maxTokens: limits.maxTokens,
    },
    score: (group, s) => scoreGroup(group, limits, checked, s),
  };
}

const PROBE = [
  { role: 'user', content: 'Is it far from here?' },
  { role: 'assistant', content: 'No: ten minutes on foot.' },
];

async function scoreGroup(
  { conversations }: ScoreGroup,
  model: HeadsModel,
  read: StateReader,
  signal: AbortSignal | undefined,
): Promise<GroupResult> {
  const wanted: (WantedStates & { reward: number; gate: number; cut: number })[] = [];
  const slots: [number, number][] = [];
  const results: TargetResult[][] = conversations.map((conversation, c) =>
    conversationPaths(model, conversation).map((path, t) => {
      if ('error' in path) return { ok: false, error: path.error };
      const { ids, reward, gate, truncatedTokens: cut } = path;
      const positions = [...new Set([gate, reward])].sort((a, b) => a - b);
      wanted.push({ ids, positions, reward, gate, cut });
      slots.push([c, t]);
      return { ok: false, error: 'no result' };
    }),
  );
  if (wanted.length === 0) return { results };
  const states = await read(wanted, signal);
  for (const [n, { ids, positions, reward, gate, cut }] of wanted.entries()) {
    const at = (position: number) => states[n]![positions.indexOf(position)]!;
    const out = applyHeads(model.heads, at(reward), at(gate));
    const mixed = mixQuantiles(out.quantiles, out.gate);
    const [c, t] = slots[n]!;
    results[c]![t] = {
      ok: true,
      score: {
        attributeQuantiles: Float32Array.from(out.quantiles),
        gate: Float32Array.from(out.gate),
        quantiles: Float32Array.from(mixed),
        expectation: expectation(mixed),
        tokens: ids.length,
        truncatedTokens: cut,
      },
    };
    // Heads of a large model take milliseconds each.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { results };
}

/** What the numbers were rounded to, by the digits that they do not have. */
export function dtypeOf(state: ArrayLike<number>): 'bfloat16' | 'float16' | 'float32' {
  const bits = new Uint32Array(Float32Array.from(state).buffer);
  const without = (mask: number) => bits.every((b) => (b & mask) === 0);
  return without(0xffff) ? 'bfloat16' : without(0x1fff) ? 'float16' : 'float32';
}
